// SPDX-License-Identifier: MIT
/* archive_test.c - files with snapshots: foreign ones, ones that were cut off, names of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/archive.h"
#include "report/reader.h"
#include "sample.h"
#include "wire/pack.h"

static char path[64];

static void put_file(const void *data, size_t len)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

static void refused(const void *data, size_t len, const char *tag, int code, const char *text)
{
	struct ksnap_err err = { 0 };

	put_file(data, len);
	assert_null(ksnap_snapshot_load(path, tag, &err));
	if (err.code != code || !strstr(err.text, text))
		fail_msg("%d: '%s' does not say '%s'", err.code, err.text, text);
}

static void put_row(struct buf *out, const char *tag, size_t bytes)
{
	struct buf row = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &row);
	msgpack_pack_map(&pk, 2);
	pack_str(&pk, "tag");
	pack_str(&pk, tag);
	pack_str(&pk, "bytes");
	msgpack_pack_uint64(&pk, bytes);
	assert_int_equal(archive_put_row(out, row.data, row.len), 0);
	buf_fini(&row);
}

/* A collection of sample reports under these tags. */
static struct buf collection(const char *const *tags, const char *events)
{
	struct ksnap_blob *report = sample_report();
	size_t len = ksnap_blob_size(report), n = 0;
	struct buf out = BUF_INIT;

	assert_int_equal(archive_put_head(&out, "default"), 0);
	for (; tags[n]; n++) {
		put_row(&out, tags[n], len);
		buf_append(&out, ksnap_blob_data(report), len);
	}
	assert_int_equal(archive_put_end(&out, n, n * len, events, events ? strlen(events) : 0), 0);
	ksnap_blob_unref(report);
	return out;
}

/* ---- what is no such file ----------------------------------------------------------------------
 */

static void foreign_files_are_named_as_such(void **state)
{
	struct ksnap_err err = { 0 };

	assert_null(ksnap_snapshot_load("/no/such/file.ksnap", NULL, &err));
	assert_int_equal(err.code, KSNAP_E_NOTFOUND);
	assert_null(ksnap_snapshot_load("/tmp", NULL, &err));
	assert_non_null(strstr(err.text, "/tmp is a folder"));
	assert_null(ksnap_snapshot_load("/dev/zero", NULL, &err));
	assert_non_null(strstr(err.text, "a device"));
	refused("", 0, NULL, KSNAP_E_PROTO, "is empty");
	refused("\x7f"
		"ELF",
		4, NULL, KSNAP_E_PROTO, "no file of ksnap");
	refused("hello, world", 12, NULL, KSNAP_E_PROTO, "no file of ksnap");
	refused("\x81\xa6schema\xac"
		"ksnap.file/2",
		21, NULL, KSNAP_E_PROTO, "no file of ksnap");
	refused("\x81\xa6schema\xac"
		"ksnap.file/1",
		21, NULL, KSNAP_E_PROTO, "is cut off");
	refused("\x81\xa6schema\xac"
		"ksnap.file/1\x01",
		22, NULL, KSNAP_E_PROTO, "damaged");
	refused("\x81\xa6schema\xac"
		"ksnap.file/1\x81\xa1k\xa1x",
		26, NULL, KSNAP_E_PROTO, "damaged");
}

static void reports_that_were_cut_off(void **state)
{
	struct ksnap_blob *report = sample_report();
	const uint8_t *data = ksnap_blob_data(report);
	size_t len = ksnap_blob_size(report);
	struct ksnap_snapshot *s;

	for (size_t n = 1; n < len; n += n < 200 ? 1 : 37)
		refused(data, n, NULL, KSNAP_E_PROTO, n < 64 ? "" : "cut off or damaged");
	put_file(data, len);
	s = ksnap_snapshot_load(path, NULL, NULL);
	assert_non_null(s);
	assert_string_equal(ksnap_snapshot_tag(s), "t0");
	ksnap_snapshot_close(s);
	s = ksnap_snapshot_load(path, "t0", NULL);
	assert_non_null(s);
	ksnap_snapshot_close(s);
	refused(data, len, "t1", KSNAP_E_NOTFOUND, "has no snapshot 't1'; it has: t0");
	ksnap_blob_unref(report);
}

static void collections_that_were_cut_off(void **state)
{
	struct buf all = collection((const char *const[]){ "t0", "t1", NULL }, NULL);
	struct ksnap_snapshot *s;

	for (size_t n = 1; n < all.len; n += n < 300 || n + 40 > all.len ? 1 : 31)
		refused(all.data, n, "t0", KSNAP_E_PROTO, n < 64 ? "" : "cut off");
	put_file(all.data, all.len);
	s = ksnap_snapshot_load(path, "t1", NULL);
	assert_non_null(s);
	ksnap_snapshot_close(s);
	refused(all.data, all.len, NULL, KSNAP_E_ARG, "holds 2 snapshots: name one");
	refused(all.data, all.len, "t2", KSNAP_E_NOTFOUND, "it has: t0, t1");
	buf_append(&all, "\x01", 1);
	refused(all.data, all.len, "t0", KSNAP_E_PROTO, "1 bytes follow its last item");
	buf_fini(&all);
}

static void sizes_that_lie(void **state)
{
	struct buf b = BUF_INIT;

	archive_put_head(&b, "default");
	put_row(&b, "t0", SIZE_MAX);
	refused(b.data, b.len, NULL, KSNAP_E_PROTO, "cut off");
	buf_clear(&b);
	archive_put_head(&b, "default");
	put_row(&b, "t0", 0);
	archive_put_end(&b, 1, 0, NULL, 0);
	refused(b.data, b.len, NULL, KSNAP_E_PROTO, "damaged");
	assert_int_equal(archive_put_row(&b, "\x01", 1), -1);
	assert_int_equal(archive_put_row(&b, "", 0), -1);
	buf_fini(&b);
}

static void damage_does_no_harm(void **state)
{
	struct buf all = collection((const char *const[]){ "t0", "t1", NULL }, "\x90");
	unsigned seed = 3;

	for (unsigned round = 0; round < 500; round++) {
		size_t at = round < 200 ? round : rand_r(&seed) % all.len;
		uint8_t kept = all.data[at];
		struct buf out = BUF_INIT;
		struct ksnap_err err = { 0 };
		struct archive *a;

		all.data[at] = rand_r(&seed);
		put_file(all.data, all.len);
		a = archive_open(path, &err);
		if (a) {
			archive_rows(a, &out, NULL);
			archive_events(a, &out, NULL);
		} else {
			assert_true(err.code < 0 && *err.text);
		}
		ksnap_snapshot_close(ksnap_snapshot_load(path, "t1", NULL));
		archive_close(a);
		buf_fini(&out);
		all.data[at] = kept;
	}
	buf_fini(&all);
}

/* ---- what is -------------------------------------------------------------------------------- */

static void rows_and_events_come_back(void **state)
{
	struct buf all = collection((const char *const[]){ "a", "b", "a", NULL }, "\x92\x01\x02");
	struct buf out = BUF_INIT;
	struct archive *a;

	put_file(all.data, all.len);
	a = archive_open(path, NULL);
	assert_non_null(a);
	assert_int_equal(archive_count(a), 3);
	assert_int_equal(archive_events(a, &out, NULL), 0);
	assert_int_equal(out.len, 3);
	assert_memory_equal(out.data, "\x92\x01\x02", 3);
	buf_clear(&out);
	assert_int_equal(archive_rows(a, &out, NULL), 0);
	assert_int_equal(out.data[0], 0x93);
	assert_memory_equal(out.data + 1,
			    "\x82\xa3tag\xa1"
			    "a\xa5"
			    "bytes",
			    13);
	archive_close(a);
	buf_fini(&all);
	all = collection((const char *const[]){ NULL }, NULL);
	put_file(all.data, all.len);
	a = archive_open(path, NULL);
	assert_int_equal(archive_count(a), 0);
	assert_int_equal(archive_events(a, &out, NULL), KSNAP_E_NOTFOUND);
	archive_close(a);
	refused(all.data, all.len, NULL, KSNAP_E_NOTFOUND, "it has: none");
	buf_fini(&all);
	buf_fini(&out);
}

/* ---- names ---------------------------------------------------------------------------------- */

static void file_names_are_safe_and_apart(void **state)
{
	static const struct {
		const char *tag, *name;
	} cases[] = {
		{ "t0", "t0.ksnap" },
		{ ".", "%2E.ksnap" },
		{ "..", "%2E..ksnap" },
		{ "../x", "%2E.%2Fx.ksnap" },
		{ "a/b", "a%2Fb.ksnap" },
		{ "a%2Fb", "a%252Fb.ksnap" },
		{ "/etc/x", "%2Fetc%2Fx.ksnap" },
		{ "-rf", "-rf.ksnap" },
		{ "A b", "A%20b.ksnap" },
		{ "\xc3\xa9", "%C3%A9.ksnap" },
		{ "", ".ksnap" },
	};
	char name[ARCHIVE_NAME_MAX], tag[KSNAP_TAG_MAX + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		archive_name(cases[i].tag, name);
		assert_string_equal(name, cases[i].name);
	}
	memset(tag, '/', KSNAP_TAG_MAX);
	tag[KSNAP_TAG_MAX] = '\0';
	archive_name(tag, name);
	assert_int_equal(strlen(name), ARCHIVE_NAME_MAX - 1);
	assert_true(strlen(name) < 255);
}

/* Undone, each name gives its tag back: so no two tags share one. */
static void file_names_can_be_undone(void **state)
{
	for (unsigned i = 1; i < 256 * 256; i++) {
		char tag[3] = { i & 0xff, i >> 8, 0 }, name[ARCHIVE_NAME_MAX], back[8] = "";
		size_t n = 0;

		if (!tag[0])
			continue;
		archive_name(tag, name);
		assert_true(name[0] != '.');
		assert_null(strchr(name, '/'));
		for (char *p = name; strcmp(p, ARCHIVE_SUFFIX) != 0; n++) {
			unsigned byte = (unsigned char)*p;

			if (*p == '%')
				assert_int_equal(sscanf(p, "%%%2X", &byte), 1);
			p += *p == '%' ? 3 : 1;
			back[n] = byte;
		}
		assert_string_equal(back, tag);
	}
}

static void what_is_a_file_and_what_a_tag(void **state)
{
	static const struct {
		const char *arg;
		bool is_file;
		size_t len;
		const char *tag;
	} cases[] = {
		{ "t0", false, 0, "t0" },
		{ "tag:a/b", false, 0, "a/b" },
		{ "tag:x.ksnap", false, 0, "x.ksnap" },
		{ "x.ksnap", true, 7, NULL },
		{ "./t0", true, 4, NULL },
		{ "/tmp/x.ksnap", true, 12, NULL },
		{ "x.ksnap:t0", true, 7, "t0" },
		{ "d/x.ksnap:a/b", true, 9, "a/b" },
		{ "x.ksnap:y.ksnap", true, 15, NULL },
		{ "nr_switches#1", false, 0, "nr_switches#1" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct snapshot_name n;

		snapshot_name_read(cases[i].arg, &n);
		assert_int_equal(n.is_file, cases[i].is_file);
		assert_int_equal(n.len, cases[i].len);
		if (cases[i].tag)
			assert_string_equal(n.tag, cases[i].tag);
		else
			assert_null(n.tag);
	}
}

static int make_file(void **state)
{
	int fd;

	strcpy(path, "/tmp/ksnap-archive.XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_files_are_named_as_such),
		cmocka_unit_test(reports_that_were_cut_off),
		cmocka_unit_test(collections_that_were_cut_off),
		cmocka_unit_test(sizes_that_lie),
		cmocka_unit_test(damage_does_no_harm),
		cmocka_unit_test(rows_and_events_come_back),
		cmocka_unit_test(file_names_are_safe_and_apart),
		cmocka_unit_test(file_names_can_be_undone),
		cmocka_unit_test(what_is_a_file_and_what_a_tag),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
