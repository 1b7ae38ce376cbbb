// SPDX-License-Identifier: MIT
/* segment_test.c - files of batches: read back whole, or known to be bad, at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/segment.h"

static char path[] = "/tmp/ksnap-segment-XXXXXX";
static int folder = -1;

static int make_folder(void **state)
{
	if (!mkdtemp(path))
		return -1;
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder < 0;
}

static int remove_folder(void **state)
{
	close(folder);
	return rmdir(path);
}

static void remove_file(uint64_t number)
{
	char name[SEGMENT_NAME_MAX];

	segment_name(number, name);
	assert_int_equal(unlinkat(folder, name, 0), 0);
}

static int append(struct segment *s, const char *text, struct ksnap_err *err)
{
	struct iovec pieces[] = { { 0 }, { (void *)text, strlen(text) } };

	return segment_append(s, pieces, 2, (struct segment_at){ 3, 99 }, err);
}

static void test_names(void **state)
{
	static const char *const bad[] = { "",
					   "lock",
					   "1.seg",
					   "0000000001",
					   "0000000001.seg~",
					   "0000000000.seg",
					   "00000000001.seg",
					   "-000000001.seg",
					   "000000000x.seg" };
	char name[SEGMENT_NAME_MAX];
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(segment_number(bad[i], &n));
	segment_name(7, name);
	assert_string_equal(name, "0000000007.seg");
	assert_true(segment_number(name, &n));
	assert_int_equal(n, 7);
	segment_name(UINT64_MAX, name);
	assert_true(segment_number(name, &n));
	assert_true(n == UINT64_MAX);
}

static void test_order_of_places(void **state)
{
	struct segment_at a = { 1, 9 }, b = { 2, 0 }, c = { 2, 1 };

	assert_true(segment_before(a, b));
	assert_true(segment_before(b, c));
	assert_false(segment_before(c, b));
	assert_false(segment_before(b, b));
}

static void test_no_such_file(void **state)
{
	struct segment_image img;
	struct ksnap_err err = { 0 };

	assert_int_equal(segment_read(folder, 1, &img, &err), KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "0000000001.seg"));
}

static void test_a_number_is_used_once(void **state)
{
	struct segment s = SEGMENT_INIT, again = SEGMENT_INIT;
	struct ksnap_err err = { 0 };

	assert_int_equal(segment_create(folder, 5, &s, &err), 0);
	assert_true(segment_create(folder, 5, &again, &err) < 0);
	assert_non_null(strstr(err.text, "File exists"));
	segment_close(&s);
	remove_file(5);
}

static void test_batches_come_back(void **state)
{
	enum { PIECES = IOV_MAX + 7 };
	static struct iovec pieces[PIECES];
	struct segment s = SEGMENT_INIT;
	struct segment_image img;
	struct segment_batch b;

	assert_int_equal(segment_create(folder, 1, &s, NULL), 0);
	assert_int_equal(append(&s, "one", NULL), 0);
	assert_int_equal(append(&s, "", NULL), 0);
	for (size_t i = 1; i < PIECES; i++)
		pieces[i] = (struct iovec){ "ab", 2 };
	assert_int_equal(segment_append(&s, pieces, PIECES, (struct segment_at){ 0 }, NULL), 0);
	assert_int_equal(segment_read(folder, 1, &img, NULL), 0);
	assert_int_equal(img.len, s.bytes);
	assert_true(img.same_boot);
	assert_int_equal(segment_next(&img, &b), SEGMENT_BATCH);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "one", 3);
	assert_int_equal(b.offset, SEGMENT_HEAD + BATCH_HEAD);
	assert_int_equal(b.on_disk.segment, 3);
	assert_int_equal(b.on_disk.offset, 99);
	assert_int_equal(segment_next(&img, &b), SEGMENT_BATCH);
	assert_int_equal(b.len, 0);
	assert_int_equal(segment_next(&img, &b), SEGMENT_BATCH);
	assert_int_equal(b.len, 2 * (PIECES - 1));
	assert_memory_equal(b.data, "abababab", 8);
	assert_int_equal(segment_next(&img, &b), SEGMENT_END);
	assert_int_equal(segment_next(&img, &b), SEGMENT_END);
	segment_image_clear(&img);
	segment_close(&s);
	remove_file(1);
}

/* A file of three batches: where each begins. */
static uint64_t write_three(uint64_t starts[3])
{
	struct segment s = SEGMENT_INIT;
	uint64_t bytes;

	assert_int_equal(segment_create(folder, 1, &s, NULL), 0);
	for (int i = 0; i < 3; i++) {
		starts[i] = s.bytes;
		assert_int_equal(append(&s, i == 1 ? "the second" : "a batch", NULL), 0);
	}
	bytes = s.bytes;
	segment_close(&s);
	return bytes;
}

static void test_cut_at_every_byte(void **state)
{
	uint64_t starts[3], bytes = write_three(starts);
	char name[SEGMENT_NAME_MAX];
	_close_ int fd = -1;

	segment_name(1, name);
	fd = openat(folder, name, O_WRONLY | O_CLOEXEC);
	for (uint64_t len = bytes; len-- > 0;) {
		struct segment_image img;
		struct segment_batch b;
		uint64_t n = 0;

		assert_int_equal(ftruncate(fd, (off_t)len), 0);
		assert_int_equal(segment_read(folder, 1, &img, NULL), 0);
		while (segment_next(&img, &b) == SEGMENT_BATCH)
			n++;
		assert_int_equal(n, len < starts[1] ? 0 : len < starts[2] ? 1 : 2);
		assert_int_equal(img.at, len < SEGMENT_HEAD ? 0 : starts[n]);
		assert_int_equal(segment_next(&img, &b),
				 img.at && img.at == len ? SEGMENT_END : SEGMENT_BAD);
		assert_false(segment_next_sound(&img, &b));
		segment_image_clear(&img);
	}
	remove_file(1);
}

static void test_flip_at_every_byte(void **state)
{
	uint64_t starts[3], bytes = write_three(starts);
	char name[SEGMENT_NAME_MAX];
	_close_ int fd = -1;

	segment_name(1, name);
	fd = openat(folder, name, O_RDWR | O_CLOEXEC);
	for (uint64_t at = 0; at < bytes; at++) {
		uint64_t n = 0, hit = at < starts[1] ? 0 : at < starts[2] ? 1 : 2, sound = 0;
		struct segment_image img;
		struct segment_batch b;
		uint8_t byte;

		assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
		byte ^= 0x10;
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
		assert_int_equal(segment_read(folder, 1, &img, NULL), 0);
		while (segment_next(&img, &b) == SEGMENT_BATCH)
			n++;
		assert_int_equal(n, hit);
		assert_int_equal(img.at, at < SEGMENT_HEAD ? 0 : starts[hit]);
		while (segment_next_sound(&img, &b))
			sound++;
		assert_int_equal(sound, at < SEGMENT_HEAD ? 3 : 2 - hit);
		segment_image_clear(&img);
		byte ^= 0x10;
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	}
	remove_file(1);
}

/* The largest file allowed ends within a batch. */
static void test_a_failed_append_leaves_no_trace(void **state)
{
	struct rlimit before, small;
	struct segment s = SEGMENT_INIT;
	struct segment_image img;
	struct segment_batch b;
	struct ksnap_err err = { 0 };
	static char large[4096];
	struct iovec pieces[] = { { 0 }, { large, sizeof(large) } };

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(segment_create(folder, 1, &s, NULL), 0);
	assert_int_equal(append(&s, "kept", NULL), 0);
	small = before;
	small.rlim_cur = 1024;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_true(segment_append(&s, pieces, 2, (struct segment_at){ 0 }, &err) < 0);
	assert_non_null(strstr(err.text, "0000000001.seg: File too large"));
	assert_false(s.torn);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(append(&s, "after", NULL), 0);
	assert_int_equal(segment_read(folder, 1, &img, NULL), 0);
	assert_int_equal(segment_next(&img, &b), SEGMENT_BATCH);
	assert_int_equal(segment_next(&img, &b), SEGMENT_BATCH);
	assert_memory_equal(b.data, "after", 5);
	assert_int_equal(segment_next(&img, &b), SEGMENT_END);
	segment_image_clear(&img);
	segment_close(&s);
	remove_file(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_order_of_places),
		cmocka_unit_test(test_no_such_file),
		cmocka_unit_test(test_a_number_is_used_once),
		cmocka_unit_test(test_batches_come_back),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_flip_at_every_byte),
		cmocka_unit_test(test_a_failed_append_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
