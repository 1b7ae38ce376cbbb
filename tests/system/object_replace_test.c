// SPDX-License-Identifier: MIT
/* object_replace_test.c - one BPF object takes another one's place in the running kernel, or
 * nothing changes.
 *
 * Needs the right to use BPF; KSNAP_TEST_REQUIRE=bpf makes its absence a failure.
 */
#include "live_rig.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "report/reader.h"

#define CONGEST_NAME "ksnap_t_000000" /* as in congest.bpf.c */

static struct live_rig rig;
static bool forks_fail;

/* In the place of the C library's, for all of this program. */
pid_t fork(void)
{
	if (!forks_fail)
		return _Fork();
	errno = EAGAIN;
	return -1;
}

typedef int (*load_fn)(struct target *t, const char *name, const void *elf, size_t len,
		       struct buf *reply, struct ksnap_err *err);

/* An object file, its congestion control under a name of this process. */
static void *read_own(const char *file, size_t *len)
{
	char *elf = rig_read_object(file, len);
	char name[sizeof(CONGEST_NAME)];

	snprintf(name, sizeof(name), "ksnap_r_%06u", (unsigned)getpid() % 1000000);
	for (char *at = elf;
	     (at = memmem(at, elf + *len - at, CONGEST_NAME, strlen(CONGEST_NAME)));)
		memcpy(at, name, strlen(CONGEST_NAME));
	return elf;
}

static int put_object(load_fn fn, const char *name, const char *file, struct buf *reply,
		      struct ksnap_err *err)
{
	size_t len;
	_free_ void *elf = read_own(file, &len);

	buf_clear(reply);
	return fn(rig.target, name, elf, len, reply, err);
}

static void put_good(load_fn fn, const char *name, const char *file, struct buf *reply)
{
	struct ksnap_err err = { 0 };

	if (put_object(fn, name, file, reply, &err))
		fail_msg("%s: %s", file, err.text);
}

/* The id in the reply of the map whose name ends so; 0: there is none. */
static uint32_t map_of(const struct buf *reply, const char *suffix)
{
	const msgpack_object *ids, *names;
	msgpack_unpacked u;
	size_t off = 0;
	uint32_t id = 0;

	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, (char *)reply->data, reply->len, &off),
			 MSGPACK_UNPACK_SUCCESS);
	ids = object_get(&u.data, "maps");
	names = object_get(&u.data, "map_names");
	assert_int_equal(ids->via.array.size, names->via.array.size);
	for (uint32_t i = 0; i < ids->via.array.size; i++) {
		const msgpack_object_str *s = &names->via.array.ptr[i].via.str;
		size_t len = strlen(suffix);

		if (s->size >= len && !memcmp(s->ptr + s->size - len, suffix, len))
			id = ids->via.array.ptr[i].via.u64;
	}
	msgpack_unpacked_destroy(&u);
	return id;
}

static uint64_t first_number(uint32_t id)
{
	_close_ int fd = bpf_map_get_fd_by_id(id);
	uint8_t value[4096];
	uint32_t zero = 0;
	uint64_t n;

	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, value), 0);
	memcpy(&n, value, sizeof(n));
	return n;
}

/* The program of counter.bpf.c counts switches between tasks, of which this makes some. */
static void expect_counting(uint32_t bss)
{
	uint64_t before = first_number(bss);

	while (first_number(bss) == before)
		sched_yield();
}

static void wait_until_gone(uint32_t id)
{
	int fd;

	while ((fd = bpf_map_get_fd_by_id(id)) >= 0)
		close(fd);
}

static void detach(const char *name)
{
	assert_int_equal(target_live.detach(rig.target, name, NULL), 0);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void nothing_is_there_to_replace(void **state)
{
	_buf_ struct buf reply = BUF_INIT;
	struct ksnap_err err = { 0 };

	put_good(target_live.attach, "one", "shapes", &reply);
	assert_int_equal(put_object(target_live.replace, "two", "shapes", &reply, &err),
			 KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "there are: one"));
	detach("one");
}

static void the_new_one_takes_its_place(void **state)
{
	_buf_ struct buf reply = BUF_INIT;
	uint32_t first, second;

	put_good(target_live.attach, "probe", "counter", &reply);
	first = map_of(&reply, ".bss");
	assert_true(first && map_of(&reply, "switches"));
	expect_counting(first);
	put_good(target_live.replace, "probe", "counter", &reply);
	second = map_of(&reply, ".bss");
	assert_true(second && second != first);
	expect_counting(second);
	wait_until_gone(first);
	put_good(target_live.replace, "probe", "shapes", &reply);
	assert_true(map_of(&reply, "tasks"));
	wait_until_gone(second);
	detach("probe");
	assert_int_equal(target_live.detach(rig.target, "probe", NULL), KSNAP_E_NOTFOUND);
}

static void one_that_does_not_load_changes_nothing(void **state)
{
	static const char nonsense[] = "\x7f"
				       "ELF nothing more";
	_buf_ struct buf reply = BUF_INIT, other = BUF_INIT;
	struct ksnap_err err = { 0 };
	uint32_t bss;

	put_good(target_live.attach, "probe", "counter", &reply);
	bss = map_of(&reply, ".bss");
	assert_int_equal(put_object(target_live.replace, "probe", "broken", &other, &err),
			 KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, "the verifier refused it"));
	expect_counting(bss);
	assert_int_equal(target_live.replace(rig.target, "probe", nonsense, sizeof(nonsense),
					     &other, &err),
			 KSNAP_E_TARGET);
	expect_counting(bss);
	detach("probe");
	wait_until_gone(bss);
}

/* The kernel takes one congestion control of a name: the old one has to go first. */
static void one_at_a_time_is_replaced_too(void **state)
{
	_buf_ struct buf reply = BUF_INIT;
	struct ksnap_err err = { 0 };
	uint32_t first, second;

	if (put_object(target_live.attach, "congest", "congest", &reply, &err)) {
		print_message("# struct_ops cannot be attached here: %s\n", err.text);
		skip();
	}
	first = map_of(&reply, ".bss");
	put_good(target_live.replace, "congest", "congest", &reply);
	second = map_of(&reply, ".bss");
	assert_true(second && second != first);
	wait_until_gone(first);
	detach("congest");
	wait_until_gone(second);
}

static bool has_control(const char *name)
{
	FILE *f = fopen("/proc/sys/net/ipv4/tcp_available_congestion_control", "re");
	char line[4096] = "";

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	return strstr(line, name);
}

/* A struct_ops has a child that takes it out when this process is killed. */
static void without_a_child_nothing_changes(void **state)
{
	_buf_ struct buf reply = BUF_INIT;
	struct ksnap_err err = { 0 };
	char name[sizeof(CONGEST_NAME)];
	uint32_t bss;

	snprintf(name, sizeof(name), "ksnap_r_%06u", (unsigned)getpid() % 1000000);
	forks_fail = true;
	assert_int_equal(put_object(target_live.attach, "congest", "congest", &reply, &err),
			 KSNAP_E_LIMIT);
	assert_non_null(
		strstr(err.text, "the child that takes a struct_ops out cannot be started"));
	assert_false(has_control(name));
	forks_fail = false;
	if (put_object(target_live.attach, "congest", "congest", &reply, &err)) {
		print_message("# struct_ops cannot be attached here: %s\n", err.text);
		skip();
	}
	bss = map_of(&reply, ".bss");
	forks_fail = true;
	assert_int_equal(put_object(target_live.replace, "congest", "congest", &reply, &err),
			 KSNAP_E_LIMIT);
	forks_fail = false;
	assert_true(has_control(name));
	first_number(bss);
	detach("congest");
	assert_false(has_control(name));
	wait_until_gone(bss);
}

static int open_rig(void **state)
{
	rig_open(&rig);
	return 0;
}

static int close_rig(void **state)
{
	rig_close(&rig);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_there_to_replace),
		cmocka_unit_test(the_new_one_takes_its_place),
		cmocka_unit_test(one_that_does_not_load_changes_nothing),
		cmocka_unit_test(one_at_a_time_is_replaced_too),
		cmocka_unit_test(without_a_child_nothing_changes),
	};
	int ret = rig_cannot_run();

	return ret >= 0 ? ret : cmocka_run_group_tests(tests, open_rig, close_rig);
}
