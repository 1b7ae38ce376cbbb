// SPDX-License-Identifier: MIT
/* capture_live_test.c - target_live against the running kernel: every entry that was written is in
 * the report, with its type; what cannot be read says so.
 *
 * Needs the right to use BPF; KSNAP_TEST_REQUIRE=bpf makes its absence a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/live/cgroup.h"
#include "capture/target.h"
#include "report/reader.h"
#include "tests/bpf/shapes_fill.h"

#define TASKS 500

static struct bpf_object *shapes;
static struct target *target;
static struct report_builder *rb;

/* ---- doing one capture ------------------------------------------------------------------------
 */

static uint64_t in_a_minute(void)
{
	return clock_mono_ns() + 60 * NS_PER_S;
}

static struct ksnap_snapshot *capture_until(const char *const *maps, size_t n, bool progs,
					    uint64_t deadline)
{
	struct capture_request rq = {
		.tag = "t", .maps = maps, .nmaps = n, .progs = progs, .deadline_mono_ns = deadline
	};
	struct report_info info = { .tag = "t",
				    .target_kind = "live",
				    .target_name = "live",
				    .trigger = "op",
				    .consistency = "running" };
	struct report_summary sum;
	struct ksnap_err err = { 0 };
	struct ksnap_snapshot *s;
	struct ksnap_blob *blob;

	target_live.describe(target, &info);
	assert_int_equal(report_begin(rb, &info, &err), 0);
	if (target_live.capture(target, &rq, rb, &err))
		fail_msg("capture: %s", err.text);
	blob = report_finish(rb, &sum, NULL, &err);
	assert_non_null(blob);
	s = ksnap_snapshot_open(blob, &err);
	if (!s)
		fail_msg("open: %s", err.text);
	ksnap_blob_unref(blob);
	return s;
}

static struct ksnap_snapshot *capture(const char *pattern)
{
	return capture_until(&pattern, 1, false, in_a_minute());
}

static const struct ksnap_map *map_of(struct ksnap_snapshot *s, const char *name)
{
	struct ksnap_err err = { 0 };
	const struct ksnap_map *m = ksnap_snapshot_map(s, name, &err);

	if (!m)
		fail_msg("%s", err.text);
	return m;
}

static bool has_reason(const struct ksnap_snapshot *s, const char *code, const char *subject)
{
	const msgpack_object *list = object_get(snapshot_root(s), "reasons");

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *c = object_get(&list->via.array.ptr[i], "code");
		const msgpack_object *j = object_get(&list->via.array.ptr[i], "subject");

		if (c->via.str.size != strlen(code) || memcmp(c->via.str.ptr, code, strlen(code)))
			continue;
		if (!subject || (j && j->via.str.size == strlen(subject) &&
				 !memcmp(j->via.str.ptr, subject, strlen(subject))))
			return true;
	}
	return false;
}

static int64_t number_at(const struct ksnap_value *v, const char *path)
{
	struct ksnap_value at = *v;
	struct ksnap_err err = { 0 };
	uint64_t u = 0;
	int64_t i = 0;

	if (*path && ksnap_value_get(v, path, &at, &err))
		fail_msg("%s: %s", path, err.text);
	if (!ksnap_value_i64(&at, &i, NULL))
		return i;
	if (ksnap_value_u64(&at, &u, &err))
		fail_msg("%s: %s", path, err.text);
	return u;
}

static int fd_of(const char *name)
{
	return bpf_object__find_map_fd_by_name(shapes, name);
}

static uint32_t id_of(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

/* The pattern "id:N" of a map of the test's object. Names are not unique on a host, ids are. */
static const char *pattern_of(const char *name)
{
	static char text[32];

	snprintf(text, sizeof(text), "id:%u", id_of(fd_of(name)));
	return text;
}

/* The kernel frees maps a grace period after their last user: not at once, but surely. */
static void wait_until_gone(uint32_t map_id)
{
	uint64_t deadline = in_a_minute();
	int fd;

	while ((fd = bpf_map_get_fd_by_id(map_id)) >= 0) {
		close(fd);
		assert_true(clock_mono_ns() < deadline);
		sched_yield();
	}
}

/* ---- refusals ---------------------------------------------------------------------------------
 */

static void refuses_options(void **state)
{
	struct ksnap_err err = { 0 };

	assert_null(target_live.open("x=1", &err));
	assert_int_equal(err.code, KSNAP_E_ARG);
}

static void refuses_bad_selector(void **state)
{
	const char *bad = "id:seven";
	struct capture_request rq = { .tag = "t", .maps = &bad, .nmaps = 1 };
	struct ksnap_err err = { 0 };

	assert_int_equal(target_live.capture(target, &rq, rb, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "id:seven"));
}

static void says_what_matched_nothing(void **state)
{
	struct ksnap_snapshot *s = capture("no_such_map_*");

	assert_false(ksnap_snapshot_complete(s));
	assert_true(has_reason(s, "no_match", "no_such_map_*"));
	assert_int_equal(ksnap_snapshot_map_count(s), 0);
	ksnap_snapshot_close(s);
}

static void stops_at_the_deadline(void **state)
{
	const char *all = "*";
	struct ksnap_snapshot *s = capture_until(&all, 1, false, clock_mono_ns());

	assert_false(ksnap_snapshot_complete(s));
	assert_true(has_reason(s, "deadline", NULL));
	ksnap_snapshot_close(s);
}

static void explains_types_it_does_not_read(void **state)
{
	_close_ int fd = bpf_map_create(BPF_MAP_TYPE_BLOOM_FILTER, "bloom", 0, 8, 100, NULL);
	struct ksnap_snapshot *s;
	char pattern[32];

	assert_true(fd >= 0);
	snprintf(pattern, sizeof(pattern), "id:%u", id_of(fd));
	s = capture(pattern);
	assert_false(ksnap_snapshot_complete(s));
	assert_true(has_reason(s, "unsupported", "bloom"));
	assert_false(ksnap_map_complete(map_of(s, "bloom")));
	assert_int_equal(ksnap_map_count(map_of(s, "bloom")), 0);
	ksnap_snapshot_close(s);
}

/* ---- every type -------------------------------------------------------------------------------
 */

static void reads_arrays(void **state)
{
	struct ksnap_snapshot *s = capture(pattern_of("levels"));
	const struct ksnap_map *m = map_of(s, "levels");
	struct ksnap_value k, v;
	struct shape_stat want;

	assert_true(ksnap_snapshot_complete(s));
	assert_int_equal(ksnap_map_count(m), SHAPE_LEVELS);
	for (unsigned i = 0; i < SHAPE_LEVELS; i++) {
		assert_int_equal(ksnap_map_key(m, i, &k, NULL), 0);
		assert_int_equal(number_at(&k, ""), i);
		assert_int_equal(ksnap_map_value(m, i, &v, NULL), 0);
		shapes_stat(i, &want);
		assert_memory_equal(v.data, &want, sizeof(want));
		assert_int_equal(number_at(&v, "hist[3]"), want.hist[3]);
	}
	ksnap_snapshot_close(s);
}

static void check_task(const struct ksnap_value *v, unsigned i)
{
	struct shape_task want;
	struct ksnap_value at;
	char comm[32];

	shapes_task(i, &want);
	assert_int_equal(v->size, sizeof(want));
	assert_memory_equal(v->data, &want, sizeof(want));
	assert_int_equal(number_at(v, "weight"), want.weight);
	assert_int_equal(number_at(v, "state"), want.state);
	assert_int_equal(number_at(v, "prio"), want.prio);
	assert_int_equal(number_at(v, "nice"), want.nice);
	assert_int_equal(number_at(v, "delta"), want.delta);
	assert_int_equal(number_at(v, "stat.hist[2]"), want.stat.hist[2]);
	assert_int_equal(number_at(v, "hi"), want.hi);
	assert_int_equal(ksnap_value_get(v, "comm", &at, NULL), 0);
	assert_true(ksnap_value_str(&at, comm, sizeof(comm), NULL) > 0);
	assert_string_equal(comm, want.comm);
}

static void reads_hashes_typed(void **state)
{
	struct ksnap_snapshot *s = capture(pattern_of("tasks"));
	const struct ksnap_map *m = map_of(s, "tasks");
	bool seen[TASKS] = { 0 };
	struct ksnap_value k, v;

	assert_true(ksnap_snapshot_complete(s));
	assert_int_equal(ksnap_map_count(m), TASKS);
	for (size_t i = 0; i < TASKS; i++) {
		unsigned key;

		assert_int_equal(ksnap_map_key(m, i, &k, NULL), 0);
		key = number_at(&k, "");
		assert_true(key < TASKS && !seen[key]);
		seen[key] = true;
		assert_int_equal(ksnap_map_value(m, i, &v, NULL), 0);
		check_task(&v, key);
	}
	ksnap_snapshot_close(s);
}

/* Each entry of the report is what a look-up of its key gives, and there are @want of them. */
static void compare_by_lookup(const char *name, size_t want)
{
	struct ksnap_snapshot *s = capture(pattern_of(name));
	const struct ksnap_map *m = map_of(s, name);
	uint8_t value[65536];
	struct ksnap_value k, v;

	assert_true(ksnap_snapshot_complete(s));
	assert_int_equal(ksnap_map_count(m), want);
	for (size_t i = 0; i < want; i++) {
		assert_int_equal(ksnap_map_key(m, i, &k, NULL), 0);
		assert_int_equal(ksnap_map_value(m, i, &v, NULL), 0);
		assert_int_equal(bpf_map_lookup_elem(fd_of(name), k.data, value), 0);
		assert_true(v.size <= sizeof(value));
		assert_memory_equal(v.data, value, v.size);
	}
	ksnap_snapshot_close(s);
}

static void reads_what_a_look_up_gives(void **state)
{
	compare_by_lookup("recent", 16);
	compare_by_lookup("pairs", 16);
	compare_by_lookup("routes", 16);
	compare_by_lookup("cpu_array", SHAPE_CPUS);
	compare_by_lookup("cpu_hash", 16);
}

static void reads_every_cpu(void **state)
{
	struct ksnap_snapshot *s = capture(pattern_of("cpu_array"));
	const struct ksnap_map *m = map_of(s, "cpu_array");
	int ncpu = libbpf_num_possible_cpus();
	struct ksnap_value v, one;

	assert_int_equal(ksnap_map_ncpu(m), ncpu);
	for (unsigned i = 0; i < SHAPE_CPUS; i++) {
		assert_int_equal(ksnap_map_value(m, i, &v, NULL), 0);
		for (int c = 0; c < ncpu; c++) {
			assert_int_equal(ksnap_value_cpu(&v, c, &one, NULL), 0);
			assert_int_equal(number_at(&one, "n"), i * 1000 + c);
			assert_int_equal(number_at(&one, "last"), c);
		}
	}
	ksnap_snapshot_close(s);
}

static void reads_globals_by_name(void **state)
{
	char data[32], rodata[32];
	const char *maps[] = { data, rodata };
	struct ksnap_snapshot *s;
	struct ksnap_value v, at;
	char label[16];

	snprintf(data, sizeof(data), "%s", pattern_of(".data"));
	snprintf(rodata, sizeof(rodata), "%s", pattern_of(".rodata"));
	s = capture_until(maps, 2, false, in_a_minute());
	assert_true(ksnap_snapshot_complete(s));
	assert_int_equal(ksnap_snapshot_var(s, "last_cpu", &v, NULL), 0);
	assert_int_equal(number_at(&v, ""), -1);
	assert_int_equal(ksnap_snapshot_var(s, "version", &v, NULL), 0);
	assert_int_equal(number_at(&v, ""), 42);
	assert_int_equal(ksnap_snapshot_var(s, "edge", &v, NULL), 0);
	assert_int_equal(number_at(&v, "to"), 9);
	assert_int_equal(ksnap_snapshot_var(s, "pattern", &v, NULL), 0);
	assert_int_equal(number_at(&v, "[5]"), 13);
	assert_int_equal(ksnap_snapshot_var(s, "sign", &v, NULL), 0);
	assert_int_equal(number_at(&v, ""), SHAPE_BELOW);
	assert_int_equal(ksnap_snapshot_var(s, "label", &at, NULL), 0);
	assert_true(ksnap_value_str(&at, label, sizeof(label), NULL) > 0);
	assert_string_equal(label, "shapes");
	ksnap_snapshot_close(s);
}

/* ---- selection --------------------------------------------------------------------------------
 */

/* By id: another test may hold the same object at the same time. */
static bool has_map(struct ksnap_snapshot *s, const char *name)
{
	uint32_t id = id_of(fd_of(name));

	for (size_t i = 0; i < ksnap_snapshot_map_count(s); i++) {
		if (ksnap_map_id(ksnap_snapshot_map_at(s, i)) == id)
			return true;
	}
	return false;
}

static void selects_by_object_and_denies(void **state)
{
	const char *maps[] = { "obj:shapes", "!ring", "!*.rodata" };
	struct ksnap_snapshot *s = capture_until(maps, 3, false, in_a_minute());

	assert_true(ksnap_snapshot_complete(s));
	assert_true(has_map(s, "levels"));
	assert_true(has_map(s, "tasks"));
	assert_true(has_map(s, "routes"));
	assert_true(has_map(s, ".bss"));
	assert_false(has_map(s, "ring"));
	assert_false(has_map(s, ".rodata"));
	ksnap_snapshot_close(s);
}

static void maps_come_in_order_of_id(void **state)
{
	struct ksnap_snapshot *s = capture("*");
	uint32_t last = 0;

	assert_true(ksnap_snapshot_map_count(s) >= 11);
	for (size_t i = 0; i < ksnap_snapshot_map_count(s); i++) {
		uint32_t id = ksnap_map_id(ksnap_snapshot_map_at(s, i));

		assert_true(id > last);
		last = id;
	}
	ksnap_snapshot_close(s);
}

static uint32_t prog_id(void)
{
	struct bpf_program *p = bpf_object__find_program_by_name(shapes, "touch");
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len), 0);
	return info.id;
}

static void names_owners_and_programs(void **state)
{
	const char *maps[] = { pattern_of("tasks") };
	struct ksnap_snapshot *s = capture_until(maps, 1, true, in_a_minute());
	const msgpack_object *owners = object_get(map_row(map_of(s, "tasks")), "owners");
	const msgpack_object *progs = object_get(snapshot_root(s), "progs");
	uint32_t id = prog_id(), found = 0;

	assert_non_null(owners);
	assert_int_equal(owners->via.array.size, 1);
	assert_int_equal(owners->via.array.ptr[0].via.u64, id);
	assert_non_null(progs);
	for (uint32_t i = 0; i < progs->via.array.size; i++)
		found += object_get(&progs->via.array.ptr[i], "id")->via.u64 == id;
	assert_int_equal(found, 1);
	ksnap_snapshot_close(s);
}

/* ---- odd maps ---------------------------------------------------------------------------------
 */

static void huge_and_nearly_empty(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	_close_ int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "huge", 4, 64, 20000000, &opts);
	char value[64] = "seven", pattern[32];
	struct ksnap_snapshot *s;
	struct ksnap_value v;
	uint32_t key = 7;

	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &key, value, BPF_ANY), 0);
	snprintf(pattern, sizeof(pattern), "id:%u", id_of(fd));
	s = capture(pattern);
	assert_true(ksnap_snapshot_complete(s));
	assert_int_equal(ksnap_map_count(map_of(s, "huge")), 1);
	assert_int_equal(ksnap_map_value(map_of(s, "huge"), 0, &v, NULL), 0);
	assert_int_equal(v.type, UINT32_MAX);
	assert_memory_equal(v.data, value, sizeof(value));
	ksnap_snapshot_close(s);
}

static void empty_hash_is_complete(void **state)
{
	_close_ int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "hollow", 4, 8, 10, NULL);
	struct ksnap_snapshot *s;
	char pattern[32];

	assert_true(fd >= 0);
	snprintf(pattern, sizeof(pattern), "id:%u", id_of(fd));
	s = capture(pattern);
	assert_true(ksnap_snapshot_complete(s));
	assert_int_equal(ksnap_map_count(map_of(s, "hollow")), 0);
	ksnap_snapshot_close(s);
}

/* Maps and owners come and go between two captures of one target. */
static void later_captures_see_what_is_new(void **state)
{
	char name[16], pattern[32];
	struct ksnap_snapshot *s;
	uint32_t id;
	int fd;

	snprintf(name, sizeof(name), "later_%d", (int)getpid());
	s = capture(name);
	assert_int_equal(ksnap_snapshot_map_count(s), 0);
	ksnap_snapshot_close(s);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, 8, 3, NULL);
	assert_true(fd >= 0);
	id = id_of(fd);
	for (int i = 0; i < 2; i++) {
		s = capture(name);
		assert_int_equal(ksnap_map_id(map_of(s, name)), id);
		assert_int_equal(ksnap_map_count(map_of(s, name)), 3);
		ksnap_snapshot_close(s);
	}
	close(fd);
	wait_until_gone(id);
	snprintf(pattern, sizeof(pattern), "id:%u", id);
	s = capture(pattern);
	assert_true(has_reason(s, "no_match", pattern));
	ksnap_snapshot_close(s);
}

/* ---- objects ----------------------------------------------------------------------------------
 */

static void *read_object(const char *name, size_t *ret_len)
{
	char path[4096];
	struct stat st;
	void *data;
	int fd;

	snprintf(path, sizeof(path), "%s/tests/bpf/%s.bpf.o", getenv("KSNAP_TOP_BUILDDIR") ?: ".",
		 name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		fail_msg("%s: %s", path, strerror(errno));
	data = malloc(st.st_size);
	assert_non_null(data);
	assert_int_equal(read(fd, data, st.st_size), st.st_size);
	close(fd);
	*ret_len = st.st_size;
	return data;
}

static int attach(const char *file, const char *name, struct ksnap_err *err)
{
	_buf_ struct buf reply = BUF_INIT;
	size_t len;
	_free_ void *elf = read_object(file, &len);
	int ret = target_live.attach(target, name, elf, len, &reply, err);

	if (!ret)
		assert_true(reply.len > 10);
	return ret;
}

static void attach_refuses_nonsense(void **state)
{
	_buf_ struct buf reply = BUF_INIT;
	struct ksnap_err err = { 0 };

	assert_int_equal(target_live.attach(target, "x", "not an ELF file", 15, &reply, &err),
			 KSNAP_E_TARGET);
	assert_int_equal(reply.len, 0);
	assert_int_equal(target_live.detach(target, "x", &err), KSNAP_E_NOTFOUND);
}

static void attach_shows_the_verifiers_words(void **state)
{
	struct ksnap_err err = { 0 };

	assert_int_equal(attach("broken", "broken", &err), KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, "invalid mem access"));
	assert_null(strstr(err.text, "END PROG LOAD LOG"));
}

static char counter_pattern[32]; /* "obj:" and a name that is this process's own */

static uint64_t switches_now(void)
{
	struct ksnap_snapshot *s = capture(counter_pattern);
	struct ksnap_value v;
	uint64_t n;

	assert_int_equal(ksnap_snapshot_var(s, "nr_switches", &v, NULL), 0);
	n = number_at(&v, "");
	ksnap_snapshot_close(s);
	return n;
}

static uint32_t counter_map_id(void)
{
	struct ksnap_snapshot *s = capture(counter_pattern);
	uint32_t id = ksnap_map_id(map_of(s, "switches"));

	ksnap_snapshot_close(s);
	return id;
}

static void switch_once(void)
{
	int pipes[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0)
		_exit(write(pipes[1], "x", 1) != 1);
	assert_int_equal(read(pipes[0], &status, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(pipes[0]);
	close(pipes[1]);
}

static void attached_objects_run_until_detached(void **state)
{
	struct ksnap_err err = { 0 };
	struct ksnap_snapshot *s;
	uint64_t before;
	uint32_t map_id;

	snprintf(counter_pattern, sizeof(counter_pattern), "obj:c%d", (int)getpid());
	if (attach("counter", counter_pattern + 4, &err))
		fail_msg("%s", err.text);
	assert_int_equal(attach("counter", counter_pattern + 4, &err), KSNAP_E_STATE);
	map_id = counter_map_id();
	before = switches_now();
	switch_once();
	assert_true(switches_now() > before);
	assert_int_equal(target_live.detach(target, counter_pattern + 4, &err), 0);
	wait_until_gone(map_id);
	s = capture(counter_pattern);
	assert_true(has_reason(s, "no_match", counter_pattern));
	ksnap_snapshot_close(s);
}

/* ---- without rights ---------------------------------------------------------------------------
 */

/* In a child that gave its rights away. 0: refused with the words a user needs. */
static int try_without_rights(void)
{
	struct ksnap_err err = { 0 };
	struct target *t = target_live.open("", &err);

	if (setgid(65534) || setuid(65534) || !t)
		return 2;
	if (target_live.accessor_init(t, &err) != KSNAP_E_DENIED)
		return 3;
	if (!strstr(err.text, "lacks CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN"))
		return 4;
	target_live.close(t);
	return strstr(err.text, "--target fixture") ? 0 : 5;
}

static void says_which_rights_are_missing(void **state)
{
	int status;
	pid_t pid;

	if (geteuid())
		skip();
	pid = fork();
	if (pid == 0)
		_exit(try_without_rights());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- cgroup.procs -----------------------------------------------------------------------------
 */

/* Skips, or fails when KSNAP_TEST_REQUIRE names @what. */
static void lack(const char *what, const char *why)
{
	if (strstr(getenv("KSNAP_TEST_REQUIRE") ?: "", what))
		fail_msg("%s", why);
	print_message("# %s\n", why);
	skip();
}

static void make_cgroup(char *dir, size_t cap)
{
	struct ksnap_err err;
	char root[256];

	if (cgroup_root("/proc/self/mounts", root, sizeof(root), &err))
		lack("cgroup", err.text);
	snprintf(dir, cap, "%s/ksnap_test_%d", root, (int)getpid());
	if (mkdir(dir, 0755) && errno != EEXIST)
		lack("cgroup", "no cgroup can be made here");
}

static void put_into(const char *dir, pid_t pid)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%d\n", (int)pid);
	assert_int_equal(fclose(f), 0);
}

static void lists_processes_of_a_cgroup(void **state)
{
	struct ksnap_err err = { 0 };
	uint32_t *pids = NULL;
	char dir[300], name[64], byte;
	int pipes[2];
	size_t n = 9;
	pid_t pid;

	make_cgroup(dir, sizeof(dir));
	if (target_live.procs(target, dir, false, &pids, &n, &err))
		fail_msg("%s", err.text);
	assert_int_equal(n, 0);
	free(pids);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		close(pipes[1]);
		_exit(read(pipes[0], &byte, 1) != 0);
	}
	put_into(dir, pid);
	snprintf(name, sizeof(name), "/ksnap_test_%d", (int)getpid());
	if (target_live.procs(target, name, false, &pids, &n, &err))
		fail_msg("%s", err.text);
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], pid);
	free(pids);
	close(pipes[1]);
	close(pipes[0]);
	waitpid(pid, NULL, 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(target_live.procs(target, name, false, &pids, &n, &err), KSNAP_E_NOTFOUND);
	assert_int_equal(target_live.procs(target, "/a/../b", false, &pids, &n, &err), KSNAP_E_ARG);
	assert_int_equal(target_live.procs(target, "relative", false, &pids, &n, &err),
			 KSNAP_E_ARG);
}

/* ---- all --------------------------------------------------------------------------------------
 */

static int hold_shapes(const char *dir, char *why, size_t cap)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/bpf/shapes.bpf.o", dir);
	shapes = bpf_object__open(path);
	if (!shapes || bpf_object__load(shapes) || shapes_fill(shapes, TASKS)) {
		snprintf(why, cap, "BPF cannot be used here: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static int open_target(void **state)
{
	struct ksnap_err err = { 0 };

	target = target_live.open("", &err);
	rb = report_builder_create(&err);
	return !target || !rb || target_live.accessor_init(target, &err);
}

static int close_target(void **state)
{
	target_live.close(target);
	report_builder_destroy(rb);
	bpf_object__close(shapes);
	return 0;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_options),
		cmocka_unit_test(refuses_bad_selector),
		cmocka_unit_test(says_what_matched_nothing),
		cmocka_unit_test(stops_at_the_deadline),
		cmocka_unit_test(explains_types_it_does_not_read),
		cmocka_unit_test(reads_arrays),
		cmocka_unit_test(reads_hashes_typed),
		cmocka_unit_test(reads_what_a_look_up_gives),
		cmocka_unit_test(reads_every_cpu),
		cmocka_unit_test(reads_globals_by_name),
		cmocka_unit_test(selects_by_object_and_denies),
		cmocka_unit_test(maps_come_in_order_of_id),
		cmocka_unit_test(names_owners_and_programs),
		cmocka_unit_test(huge_and_nearly_empty),
		cmocka_unit_test(empty_hash_is_complete),
		cmocka_unit_test(later_captures_see_what_is_new),
		cmocka_unit_test(attach_refuses_nonsense),
		cmocka_unit_test(attach_shows_the_verifiers_words),
		cmocka_unit_test(attached_objects_run_until_detached),
		cmocka_unit_test(says_which_rights_are_missing),
		cmocka_unit_test(lists_processes_of_a_cgroup),
	};
	const char *require = getenv("KSNAP_TEST_REQUIRE");
	char why[128];

	libbpf_set_print(quiet);
	if (hold_shapes(getenv("KSNAP_TOP_BUILDDIR") ?: ".", why, sizeof(why))) {
		bool must = require && strstr(require, "bpf");

		printf(must ? "1..1\nnot ok 1 - %s\n" : "1..0 # SKIP %s\n", why);
		return must;
	}
	return cmocka_run_group_tests(tests, open_target, close_target);
}
