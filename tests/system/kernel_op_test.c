// SPDX-License-Identifier: MIT
/* kernel_op_test.c - memory of the running kernel is read and written as it is: what a BPF object
 * has, what /proc says of tasks, addresses that are mapped and those that are not.
 *
 * Needs the right to use BPF; KSNAP_TEST_REQUIRE=bpf makes its absence a failure.
 */
#include "live_rig.h"

#include <bpf/bpf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/live/kernel_symbol.h"
#include "tests/bpf/shapes_fill.h"

static struct bpf_object *object;
static struct live_rig rig;
static struct buf room; /* of the value read last */

#define NUMBER(n) ((struct kernel_width){ n, true })
#define BYTES(n)  ((struct kernel_width){ n, false })
#define AS_TYPED  ((struct kernel_width){ 0 })

static int read_at(const struct kernel_at *at, struct kernel_width w, struct kernel_value *ret,
		   struct ksnap_err *err)
{
	buf_clear(&room);
	return target_live.read(rig.target, at, w, &room, ret, err);
}

static struct kernel_value read_good(const char *symbol, struct kernel_width w)
{
	struct kernel_at at = { .symbol = symbol };
	struct ksnap_err err = { 0 };
	struct kernel_value v;

	if (read_at(&at, w, &v, &err))
		fail_msg("%s: %s", symbol, err.text);
	return v;
}

static int write_value(const char *symbol, struct kernel_width w, struct kernel_value v,
		       struct ksnap_err *err)
{
	struct kernel_at at = { .symbol = symbol };

	return target_live.write(rig.target, &at, w, &v, err);
}

static void write_good(const char *symbol, struct kernel_width w, struct kernel_value v)
{
	struct ksnap_err err = { 0 };

	if (write_value(symbol, w, v, &err))
		fail_msg("%s: %s", symbol, err.text);
}

static void expect(int code, int wanted, const struct ksnap_err *err, const char *words)
{
	if (code != wanted || !strstr(err->text, words))
		fail_msg("%d instead of %d: '%s', not '%s'", code, wanted, err->text, words);
}

static int read_bad(const char *symbol, struct kernel_width w, struct ksnap_err *err)
{
	struct kernel_at at = { .symbol = symbol };
	struct kernel_value v;

	return read_at(&at, w, &v, err);
}

/* The symbol of a part of one of shapes' maps, by the map's id. */
static const char *in(const char *map, const char *rest)
{
	static char text[4][128];
	static unsigned n;
	int fd = bpf_object__find_map_fd_by_name(object, map);
	char *to = text[n++ % 4];

	snprintf(to, sizeof(text[0]), "id:%u%s", id_of(fd), rest);
	return to;
}

/* ---- values of maps -------------------------------------------------------------------------- */

static void types_say_what_a_value_is(void **state)
{
	struct shape_task task;
	struct kernel_value v;

	shapes_task(45, &task);
	v = read_good(in("tasks", "[45].delta"), AS_TYPED);
	assert_true(v.kind == KERNEL_INT && (int64_t)v.number == task.delta);
	v = read_good(in("tasks", "[45].weight"), AS_TYPED);
	assert_true(v.kind == KERNEL_UINT && v.number == task.weight);
	v = read_good(in("tasks", "[45].comm"), AS_TYPED);
	assert_true(v.kind == KERNEL_BYTES && v.len == sizeof(task.comm));
	assert_string_equal((const char *)v.bytes, task.comm);
	v = read_good(in("tasks", "[45]"), AS_TYPED);
	assert_true(v.kind == KERNEL_BYTES && v.len == sizeof(task));
	assert_memory_equal(v.bytes, &task, sizeof(task));
	v = read_good(in(".data", ":last_cpu"), AS_TYPED);
	assert_true(v.kind == KERNEL_INT && (int64_t)v.number == -1);
	v = read_good(in(".data", ":last_cpu"), NUMBER(4));
	assert_true(v.kind == KERNEL_UINT && v.number == UINT32_MAX);
	v = read_good(in(".data", ":sign"), AS_TYPED);
	assert_true(v.kind == KERNEL_INT && (int64_t)v.number == SHAPE_BELOW);
	v = read_good(in(".data", ":wide"), AS_TYPED);
	assert_true(v.kind == KERNEL_BYTES && v.len == 16);
}

static void bit_fields_are_numbers(void **state)
{
	struct shape_task task;
	struct kernel_value v;
	struct ksnap_err err = { 0 };

	shapes_task(45, &task);
	v = read_good(in("tasks", "[45].flags"), AS_TYPED);
	assert_true(v.kind == KERNEL_UINT && v.number == task.flags);
	v = read_good(in("tasks", "[45].prio"), AS_TYPED);
	assert_true(v.kind == KERNEL_UINT && v.number == task.prio);
	v = read_good(in("tasks", "[45].nice"), AS_TYPED);
	assert_true(v.kind == KERNEL_INT && (int64_t)v.number == task.nice);
	expect(read_bad(in("tasks", "[45].nice"), NUMBER(1), &err), KSNAP_E_ARG, &err,
	       "leave the width out");
	expect(write_value(in("tasks", "[45].nice"), AS_TYPED,
			   (struct kernel_value){ .kind = KERNEL_UINT, .number = 1 }, &err),
	       KSNAP_E_UNSUPPORTED, &err, "is a bit field");
}

static void writes_what_it_reads(void **state)
{
	struct kernel_value v;

	write_good(in("tasks", "[46].delta"), AS_TYPED,
		   (struct kernel_value){ .kind = KERNEL_INT, .number = (uint64_t)-7 });
	v = read_good(in("tasks", "[46].delta"), AS_TYPED);
	assert_true((int64_t)v.number == -7);
	write_good(in("tasks", "[46].comm"), AS_TYPED,
		   (struct kernel_value){
			   .kind = KERNEL_BYTES, .bytes = (const uint8_t *)"written", .len = 8 });
	v = read_good(in("tasks", "[46].comm"), AS_TYPED);
	assert_string_equal((const char *)v.bytes, "written");
	write_good(in(".bss", ":nr_touched"), AS_TYPED,
		   (struct kernel_value){ .kind = KERNEL_UINT, .number = 0x100 });
	write_good(in(".bss", ":nr_touched"), AS_TYPED,
		   (struct kernel_value){ .kind = KERNEL_OR, .number = 0x0f });
	v = read_good(in(".bss", ":nr_touched"), AS_TYPED);
	assert_true(v.number == 0x10f);
}

static void refuses_what_does_not_fit(void **state)
{
	static const uint8_t many[17];
	struct kernel_value one = { .kind = KERNEL_UINT, .number = 1 };
	struct kernel_value large = { .kind = KERNEL_UINT, .number = 0x10000 };
	struct kernel_value low = { .kind = KERNEL_INT, .number = (uint64_t)-32769 };
	struct kernel_value bytes = { .kind = KERNEL_BYTES, .bytes = many, .len = sizeof(many) };
	struct ksnap_err err = { 0 };

	expect(write_value(in("tasks", "[46].delta"), AS_TYPED, large, &err), KSNAP_E_ARG, &err,
	       "does not fit 2 bytes");
	expect(write_value(in("tasks", "[46].delta"), AS_TYPED, low, &err), KSNAP_E_ARG, &err,
	       "does not fit 2 bytes");
	expect(write_value(in("tasks", "[46].cpu"), NUMBER(8), one, &err), KSNAP_E_ARG, &err,
	       "8 are too many");
	expect(write_value(in("tasks", "[46].comm"), AS_TYPED, one, &err), KSNAP_E_ARG, &err,
	       "write bytes, not a number");
	expect(write_value(in("tasks", "[46].comm"), AS_TYPED, bytes, &err), KSNAP_E_ARG, &err,
	       "17 are too many");
	expect(write_value(in(".rodata", ":version"), AS_TYPED, one, &err), KSNAP_E_UNSUPPORTED,
	       &err, "read-only");
	expect(write_value("0xffffffff81000000", NUMBER(8), one, &err), KSNAP_E_UNSUPPORTED, &err,
	       "only values and globals of BPF maps");
	expect(read_bad(in("tasks", "[46].comm[1]"), NUMBER(2), &err), KSNAP_E_ARG, &err,
	       "no multiple of 2");
}

/* ---- addresses and kernel symbols ------------------------------------------------------------ */

static void what_is_not_mapped_says_so(void **state)
{
	struct ksnap_err err = { 0 };

	expect(read_bad("0x1000", NUMBER(8), &err), KSNAP_E_TARGET, &err,
	       "no address of the kernel");
	expect(read_bad("0xffff000000000000", NUMBER(8), &err), KSNAP_E_TARGET, &err,
	       "no memory mapped at 0xffff000000000000");
	expect(read_bad("0xffff000000000000", AS_TYPED, &err), KSNAP_E_ARG, &err, "give a width");
	expect(read_bad("0xffff000000000001", NUMBER(8), &err), KSNAP_E_ARG, &err,
	       "no multiple of 8");
	expect(read_bad("object:x", NUMBER(8), &err), KSNAP_E_ARG, &err, "is no memory");
}

static void kernel_symbols_are_read(void **state)
{
	struct ksnap_err err = { 0 };
	uint64_t addr = 0;
	char text[32];
	struct kernel_value v;
	uint8_t first[64];

	if (kernel_symbol_find(KALLSYMS, "linux_banner", &addr, &err) &&
	    kernel_symbol_find(KALLSYMS, "schedule", &addr, &err)) {
		print_message("# kallsyms has nothing to read: %s\n", err.text);
		skip();
	}
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)addr);
	v = read_good(text, BYTES(64));
	memcpy(first, v.bytes, sizeof(first));
	v = read_good(text, BYTES(1 << 20));
	assert_int_equal(v.len, 1 << 20);
	assert_memory_equal(v.bytes, first, sizeof(first));
}

static void a_miss_tells_what_the_kernel_lists(void **state)
{
	struct ksnap_err err = { 0 };

	expect(read_bad("no_such_symbol_anywhere", NUMBER(8), &err), KSNAP_E_NOTFOUND, &err,
	       "no BPF global");
	expect(read_bad("no_such_symbol_anywhere", NUMBER(8), &err), KSNAP_E_NOTFOUND, &err,
	       "lists no symbol");
}

static void expect_not(const struct ksnap_err *err, const char *words)
{
	if (strstr(err->text, words))
		fail_msg("'%s' has '%s'", err->text, words);
}

/* Where the kernel's variables could be found is of no use to somebody who mistyped a global. */
static void a_miss_of_a_global_tells_of_globals(void **state)
{
	struct ksnap_err err = { 0 };

	expect(read_bad("lsat_cpu", AS_TYPED, &err), KSNAP_E_NOTFOUND, &err, ":last_cpu");
	expect_not(&err, "CONFIG_KALLSYMS_ALL");
	expect_not(&err, "vmlinux=FILE");
	expect(read_bad("tasks", AS_TYPED, &err), KSNAP_E_NOTFOUND, &err, "tasks[KEY]");
	expect_not(&err, "vmlinux=FILE");
	expect(read_bad("edge.z", AS_TYPED, &err), KSNAP_E_NOTFOUND, &err, "no member 'z'");
	expect_not(&err, "the kernel");
}

static void per_cpu_variables_are_read_or_refused(void **state)
{
	struct kernel_at at = { .symbol = "per_cpu:runqueues@0.cpu" };
	struct ksnap_err err = { 0 };
	struct kernel_value v;
	int code = read_at(&at, AS_TYPED, &v, &err);

	if (code)
		expect(code, KSNAP_E_UNSUPPORTED, &err, "CONFIG_KALLSYMS_ALL");
	else
		assert_true(v.number == 0);
	expect(read_bad("per_cpu:no_such_variable@0", AS_TYPED, &err), KSNAP_E_NOTFOUND, &err,
	       "no per-CPU variable");
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static uint64_t start_of(pid_t tid)
{
	char path[64], text[1024], *at;
	unsigned long long start = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	at = strrchr(text, ')');
	assert_non_null(at);
	for (int field = 2; field < 22; field++)
		at = strchr(at + 1, ' ');
	assert_int_equal(sscanf(at, " %llu", &start), 1);
	return start;
}

static struct kernel_value task_value(pid_t tid, const char *field)
{
	struct kernel_at at = {
		.task = tid, .has_start_time = true, .start_time = start_of(tid), .field = field
	};
	struct ksnap_err err = { 0 };
	struct kernel_value v;

	if (read_at(&at, AS_TYPED, &v, &err))
		fail_msg("%s: %s", field, err.text);
	return v;
}

static void tasks_are_as_proc_says(void **state)
{
	struct kernel_value v;

	prctl(PR_SET_NAME, "who_am_i");
	v = task_value(getpid(), "comm");
	assert_true(v.kind == KERNEL_BYTES && v.len == 16);
	assert_string_equal((const char *)v.bytes, "who_am_i");
	assert_true(task_value(getpid(), "pid").number == (uint64_t)getpid());
	assert_true(task_value(getpid(), "real_parent.tgid").number == (uint64_t)getppid());
	assert_true(task_value(getpid(), "signal.nr_threads").number == 1);
	v = task_value(getpid(), "signal");
	assert_true(v.kind == KERNEL_UINT && v.number >> 63);
}

static void another_task_of_the_id_is_not_meant(void **state)
{
	struct kernel_at at = { .task = getpid(),
				.has_start_time = true,
				.start_time = start_of(getpid()) + 1,
				.field = "pid" };
	struct ksnap_err err = { 0 };
	struct kernel_value v;

	expect(read_at(&at, AS_TYPED, &v, &err), KSNAP_E_NOTFOUND, &err, "its id was used again");
	at.task = 1; /* which not every kernel shows to programs */
	at.start_time = 77777777777;
	expect(read_at(&at, AS_TYPED, &v, &err), KSNAP_E_NOTFOUND, &err, "not at 77777777777: ");
	at = (struct kernel_at){ .task = getpid(), .field = "pid" }; /* whoever has it */
	assert_int_equal(read_at(&at, AS_TYPED, &v, &err), 0);
	assert_int_equal(v.number, getpid());
}

static void a_task_that_is_gone(void **state)
{
	pid_t pid = fork();
	struct kernel_at at = { .task = pid, .field = "pid" };
	struct ksnap_err err = { 0 };
	struct kernel_value v;

	if (!pid)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	expect(read_at(&at, AS_TYPED, &v, &err), KSNAP_E_NOTFOUND, &err, "there is no task");
	at.task = UINT64_MAX;
	expect(read_at(&at, AS_TYPED, &v, &err), KSNAP_E_NOTFOUND, &err, "there is no task");
	at.task = 0;
	expect(read_at(&at, AS_TYPED, &v, &err), KSNAP_E_NOTFOUND, &err, "there is no task");
}

static void fields_of_tasks_that_are_not_there(void **state)
{
	struct kernel_at at = { .task = getpid(),
				.has_start_time = true,
				.start_time = start_of(getpid()),
				.field = "pidd" };
	struct ksnap_err err = { 0 };
	struct kernel_value v;
	struct kernel_value one = { .kind = KERNEL_UINT, .number = 1 };

	expect(read_at(&at, AS_TYPED, &v, &err), KSNAP_E_NOTFOUND, &err, "no member 'pidd'");
	at.field = "pid.x";
	expect(read_at(&at, AS_TYPED, &v, &err), KSNAP_E_ARG, &err, "no members");
	at.field = "pid";
	expect(target_live.write(rig.target, &at, AS_TYPED, &one, &err), KSNAP_E_UNSUPPORTED, &err,
	       "only values and globals of BPF maps");
	/* A kernel thread has no mm. */
	at = (struct kernel_at){
		.task = 2, .has_start_time = true, .start_time = start_of(2), .field = "mm.total_vm"
	};
	expect(read_at(&at, AS_TYPED, &v, &err), KSNAP_E_TARGET, &err, "not mapped");
}

static void *wait_for_end(void *arg)
{
	pid_t *tid = arg;
	char c;

	prctl(PR_SET_NAME, "a_thread");
	tid[0] = syscall(SYS_gettid);
	assert_int_equal(write(tid[1], "x", 1), 1);
	return read(tid[2], &c, 1) < 0 ? NULL : arg;
}

static void threads_are_tasks(void **state)
{
	int ready[2], end[2];
	pid_t tid[3];
	pthread_t thread;
	char c;

	assert_int_equal(pipe(ready) | pipe(end), 0);
	tid[1] = ready[1];
	tid[2] = end[0];
	assert_int_equal(pthread_create(&thread, NULL, wait_for_end, tid), 0);
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_string_equal((const char *)task_value(tid[0], "comm").bytes, "a_thread");
	assert_true(task_value(tid[0], "tgid").number == (uint64_t)getpid());
	close(end[1]);
	pthread_join(thread, NULL);
	close(end[0]);
	close(ready[0]);
	close(ready[1]);
}

static int open_all(void **state)
{
	object = rig_load_object("shapes");
	rig_open(&rig);
	return shapes_fill(object, 100);
}

static int close_all(void **state)
{
	buf_fini(&room);
	rig_close(&rig);
	bpf_object__close(object);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_say_what_a_value_is),
		cmocka_unit_test(bit_fields_are_numbers),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(what_is_not_mapped_says_so),
		cmocka_unit_test(kernel_symbols_are_read),
		cmocka_unit_test(a_miss_tells_what_the_kernel_lists),
		cmocka_unit_test(a_miss_of_a_global_tells_of_globals),
		cmocka_unit_test(per_cpu_variables_are_read_or_refused),
		cmocka_unit_test(tasks_are_as_proc_says),
		cmocka_unit_test(another_task_of_the_id_is_not_meant),
		cmocka_unit_test(a_task_that_is_gone),
		cmocka_unit_test(fields_of_tasks_that_are_not_there),
		cmocka_unit_test(threads_are_tasks),
	};
	int ret = rig_cannot_run();

	return ret >= 0 ? ret : cmocka_run_group_tests(tests, open_all, close_all);
}
