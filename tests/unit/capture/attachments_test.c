// SPDX-License-Identifier: MIT
/* attachments_test.c - struct_ops, active maps and sched_ext without a kernel that has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/live/active.h"
#include "capture/live/sched.h"

/* ---- where the functions of a struct_ops are ------------------------------------------------- */

struct value_types {
	struct btf *btf;
	int u32, ops, value;
};

/* The value as the kernel has it: two counters, then the struct at a cache line of its own. */
static struct value_types make_value(void)
{
	struct value_types v = { .btf = btf__new_empty() };
	int fn, to_u32;

	assert_non_null(v.btf);
	v.u32 = btf__add_int(v.btf, "u32", 4, 0);
	fn = btf__add_ptr(v.btf, btf__add_func_proto(v.btf, v.u32));
	to_u32 = btf__add_ptr(v.btf, v.u32);
	v.ops = btf__add_struct(v.btf, "walk_ops", 40);
	btf__add_field(v.btf, "first", fn, 0, 0);
	btf__add_field(v.btf, "table", to_u32, 64, 0);
	btf__add_field(v.btf, "flags", v.u32, 128, 0);
	btf__add_field(v.btf, "second", fn, 192, 0);
	btf__add_field(v.btf, "third", fn, 256, 0);
	v.value = btf__add_struct(v.btf, "bpf_struct_ops_walk_ops", 104);
	btf__add_field(v.btf, "refcnt", v.u32, 0, 0);
	btf__add_field(v.btf, "state", v.u32, 32, 0);
	btf__add_field(v.btf, "data", v.ops, 512, 0);
	return v;
}

static void refuses_what_is_no_struct_ops(void **state)
{
	struct value_types v = make_value();
	uint32_t at[4];
	const char *ops;
	size_t n;
	int odd;

	assert_true(ops_slots(v.btf, 0, at, 4, &n, &ops) < 0);
	assert_true(ops_slots(v.btf, 9999, at, 4, &n, &ops) < 0);
	assert_true(ops_slots(v.btf, v.u32, at, 4, &n, &ops) < 0);
	assert_true(ops_slots(v.btf, v.ops, at, 4, &n, &ops) < 0);
	odd = btf__add_struct(v.btf, "data_is_no_struct", 4);
	btf__add_field(v.btf, "data", v.u32, 0, 0);
	assert_true(ops_slots(v.btf, odd, at, 4, &n, &ops) < 0);
	btf__free(v.btf);
}

static void finds_functions_and_nothing_else(void **state)
{
	struct value_types v = make_value();
	const char *ops = NULL;
	uint32_t at[4];
	size_t n;

	assert_int_equal(ops_slots(v.btf, v.value, at, 4, &n, &ops), 0);
	assert_string_equal(ops, "walk_ops");
	assert_int_equal(n, 3);
	assert_int_equal(at[0], 64);
	assert_int_equal(at[1], 64 + 24);
	assert_int_equal(at[2], 64 + 32);
	assert_int_equal(ops_slots(v.btf, v.value, at, 2, &n, &ops), 0);
	assert_int_equal(n, 2);
	btf__free(v.btf);
}

/* ---- which maps are active ------------------------------------------------------------------- */

static struct map_ref maps[] = {
	{ .info = { .id = 3, .name = "probe.bss" } },
	{ .info = { .id = 4, .name = "probe.data" } },
	{ .info = { .id = 5, .name = "tasks" } },
	{ .info = { .id = 6, .name = "probe_ops" } },
	{ .info = { .id = 13, .name = "probe.bss" } },
	{ .info = { .id = 14, .name = "tasks" } },
	{ .info = { .id = 16, .name = "probe_ops" } },
	{ .info = { .id = 17, .name = "other.bss" } },
	{ .info = { .id = 18, .name = ".bss" } },
};
static uint32_t map_ids[] = { 3, 5, 5, 13, 14, 14, 13, 17, 18 };
static struct prog_row prog_rows[] = {
	{ .id = 20, .first_map = 0, .nmaps = 2 }, { .id = 21, .first_map = 2, .nmaps = 1 },
	{ .id = 30, .first_map = 3, .nmaps = 2 }, { .id = 31, .first_map = 5, .nmaps = 2 },
	{ .id = 40, .first_map = 7, .nmaps = 1 }, { .id = 41, .first_map = 8, .nmaps = 1 },
};
static uint32_t ops_progs[] = { 20, 21, 30, 31, 999, 40, 41 };

/* Find the active maps when of three struct_ops those marked are attached. */
static void find(struct active_maps *a, bool first, bool second, bool third)
{
	struct ops_row rows[] = {
		{ .id = 6, .first_prog = 0, .nprogs = 2, .is_attached = first },
		{ .id = 16, .first_prog = 2, .nprogs = 3, .is_attached = second },
		{ .id = 19, .first_prog = 5, .nprogs = 2, .is_attached = third },
	};
	struct ops_list ops = { .rows = rows, .n = 3, .progs = ops_progs, .nprogs = 7 };
	struct prog_list progs = { .now = { .rows = prog_rows, .n = 6, .map_ids = map_ids } };
	struct map_list list = { .refs = maps, .n = ARRAY_SIZE(maps) };

	assert_int_equal(active_find(a, &ops, &progs, &list, NULL), 0);
}

static void nothing_is_active_when_nothing_is_attached(void **state)
{
	struct active_maps a = { 0 };

	find(&a, false, false, false);
	assert_int_equal(a.n, 0);
	assert_string_equal(a.obj, "");
	assert_false(active_has(&a, 3));
	active_fini(&a);
	active_fini(&a);
}

static void of_same_named_maps_the_attached_ones_are_active(void **state)
{
	static const uint32_t want[] = { 13, 14, 16 };
	struct active_maps a = { 0 };

	find(&a, false, true, false);
	assert_int_equal(a.n, ARRAY_SIZE(want));
	assert_memory_equal(a.ids, want, sizeof(want));
	assert_string_equal(a.obj, "probe");
	assert_true(active_has(&a, 13));
	assert_false(active_has(&a, 3));
	find(&a, true, false, false); /* anew: nothing is left of what was */
	assert_true(active_has(&a, 3));
	assert_false(active_has(&a, 13));
	active_fini(&a);
}

static void two_objects_have_no_common_name(void **state)
{
	struct active_maps a = { 0 };

	find(&a, true, false, true);
	assert_true(active_has(&a, 3) && active_has(&a, 17) && active_has(&a, 18));
	assert_string_equal(a.obj, "");
	find(&a, true, true, false); /* twice the same */
	assert_string_equal(a.obj, "probe");
	active_fini(&a);
}

/* ---- sched_ext ------------------------------------------------------------------------------- */

static char dir[] = "/tmp/ksnap_sched_XXXXXX";

static void put(const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void drop(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(remove(path), 0);
}

static void kernels_without_sched_ext_say_nothing(void **state)
{
	_buf_ struct buf out = BUF_INIT;
	struct ksnap_err err = { 0 };

	assert_int_equal(sched_pack("/no/such/directory", &out, &err), 1);
	assert_int_equal(out.len, 0);
}

static void check_sched(const char *want, size_t len)
{
	_buf_ struct buf out = BUF_INIT;

	assert_int_equal(sched_pack(dir, &out, NULL), 0);
	assert_int_equal(out.len, len);
	assert_memory_equal(out.data, want, len);
}

#define CHECK_SCHED(want) check_sched(want, sizeof(want) - 1)

static void facts_are_what_the_files_say(void **state)
{
	char root[64];

	assert_non_null(mkdtemp(dir));
	snprintf(root, sizeof(root), "%s/root", dir);
	assert_int_equal(mkdir(root, 0700), 0);
	CHECK_SCHED("\x80");
	put("state", "enabled\n");
	put("root/ops", "simple\n");
	put("switch_all", "1\n");
	put("nr_rejected", "-1\n");                      /* no number: left out */
	put("hotplug_seq", "99999999999999999999999\n"); /* too large: left out */
	put("enable_seq", "\xff\n");                     /* no text: left out */
	CHECK_SCHED("\x83\xa5state\xa7"
		    "enabled\xa3ops\xa6simple\xaaswitch_all\x01");
	put("root/events", "A 5\nno number\n 7\nB 18446744073709551615\nlast");
	put("state", "disabled\n");
	drop("root/ops");
	drop("switch_all");
	CHECK_SCHED("\x82\xa5state\xa8"
		    "disabled\xa6"
		    "events\x92\x82\xa4name\xa1"
		    "A\xa5"
		    "count\x05"
		    "\x82\xa4name\xa1"
		    "B\xa5"
		    "count\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
	drop("nr_rejected");
	drop("hotplug_seq");
	drop("enable_seq");
	drop("root/events");
	drop("state");
	assert_int_equal(rmdir(root), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* What the kernel's files go through: nothing, enabling, enabled, disabling, disabled. */
static void a_scheduler_runs_while_the_files_say_so(void **state)
{
	static const char *const not_running[] = { "disabled\n", "enabling\n",   "disabling\n",
						   "",           "enabled by\n", "\xff\n" };
	struct sched_now then, now;
	char root[64], name[300];

	strcpy(dir, "/tmp/ksnap_sched_XXXXXX");
	assert_false(sched_read("/no/such/directory", &now));
	assert_non_null(mkdtemp(dir));
	snprintf(root, sizeof(root), "%s/root", dir);
	assert_int_equal(mkdir(root, 0700), 0);
	assert_false(sched_read(dir, &now));
	put("state", "enabled\n");
	assert_false(sched_read(dir, &now)); /* its name is not there yet */
	put("root/ops", "simple\n");
	assert_true(sched_read(dir, &then));
	assert_string_equal(then.ops, "simple");
	assert_int_equal(then.times, 0); /* old kernels do not count */
	assert_true(sched_runs_still(dir, &then));
	put("enable_seq", "7\n");
	assert_false(sched_runs_still(dir, &then));
	assert_true(sched_read(dir, &then));
	for (size_t i = 0; i < ARRAY_SIZE(not_running); i++) {
		put("state", not_running[i]);
		assert_false(sched_runs_still(dir, &then));
	}
	put("state", "enabled\n");
	assert_true(sched_runs_still(dir, &then));
	put("root/ops", "simpler\n");
	assert_false(sched_runs_still(dir, &then));
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	put("root/ops", name); /* longer than any kernel's */
	assert_true(sched_read(dir, &then));
	assert_int_equal(strlen(then.ops), sizeof(then.ops) - 1);
	assert_true(sched_runs_still(dir, &then));
	drop("root/ops");
	assert_false(sched_runs_still(dir, &then));
	drop("enable_seq");
	drop("state");
	assert_int_equal(rmdir(root), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_struct_ops),
		cmocka_unit_test(finds_functions_and_nothing_else),
		cmocka_unit_test(nothing_is_active_when_nothing_is_attached),
		cmocka_unit_test(of_same_named_maps_the_attached_ones_are_active),
		cmocka_unit_test(two_objects_have_no_common_name),
		cmocka_unit_test(kernels_without_sched_ext_say_nothing),
		cmocka_unit_test(facts_are_what_the_files_say),
		cmocka_unit_test(a_scheduler_runs_while_the_files_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
