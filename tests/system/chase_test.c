// SPDX-License-Identifier: MIT
/* chase_test.c - pointers in live maps are followed: the bytes behind them are the ones that the
 * test's program wrote, or the kernel's own of the task that ran it.
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
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/limits.h"
#include "capture/live/kernel_read.h"
#include "capture/target.h"
#include "report/reader.h"
#include "report/render.h"
#include "tests/bpf/pointers.h"

static struct bpf_object *object;
static struct target *target;
static struct report_builder *rb;

/* ---- doing one capture ----------------------------------------------------------------------- */

static uint64_t in_a_minute(void)
{
	return clock_mono_ns() + 60 * NS_PER_S;
}

static uint32_t id_of_fd(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

static struct ksnap_snapshot *capture_id(uint32_t id, unsigned depth, uint64_t deadline)
{
	char rule[32];
	const char *rules[] = { rule };
	struct capture_request rq = {
		.tag = "t", .maps = rules, .nmaps = 1, .chase = depth, .deadline_mono_ns = deadline
	};
	struct report_info info = { .tag = "t", .target_kind = "live", .target_name = "live" };
	struct ksnap_err err = { 0 };
	struct ksnap_snapshot *s;
	struct ksnap_blob *blob;

	snprintf(rule, sizeof(rule), "id:%u", id);
	target_live.describe(target, &info);
	assert_int_equal(report_begin(rb, &info, &err), 0);
	if (target_live.capture(target, &rq, rb, &err))
		fail_msg("capture: %s", err.text);
	blob = report_finish(rb, NULL, NULL, &err);
	assert_non_null(blob);
	s = ksnap_snapshot_open(blob, &err);
	if (!s)
		fail_msg("open: %s", err.text);
	ksnap_blob_unref(blob);
	return s;
}

static struct ksnap_snapshot *capture(const char *map, unsigned depth, uint64_t deadline)
{
	return capture_id(id_of_fd(bpf_object__find_map_fd_by_name(object, map)), depth, deadline);
}

static struct ksnap_snapshot *chase(const char *map, unsigned depth)
{
	return capture(map, depth, in_a_minute());
}

static uint64_t u64_at(const struct ksnap_snapshot *s, const char *path)
{
	struct ksnap_err err = { 0 };
	struct ksnap_value v;
	uint64_t n = 0;

	if (ksnap_snapshot_get(s, path, &v, &err) || ksnap_value_u64(&v, &n, &err))
		fail_msg("%s: %s", path, err.text);
	return n;
}

static void expect_miss(const struct ksnap_snapshot *s, const char *path, int code,
			const char *words)
{
	struct ksnap_err err = { 0 };
	struct ksnap_value v;

	assert_int_equal(ksnap_snapshot_get(s, path, &v, &err), code);
	if (!strstr(err.text, words))
		fail_msg("%s: '%s' does not say '%s'", path, err.text, words);
}

static const msgpack_object *chased_of(const struct ksnap_snapshot *s)
{
	const msgpack_object *list = object_get(snapshot_root(s), "chased");

	assert_non_null(list);
	assert_int_equal(list->type, MSGPACK_OBJECT_ARRAY);
	return list;
}

static uint32_t nchased(const struct ksnap_snapshot *s)
{
	return chased_of(s)->via.array.size;
}

static bool has_reason(const struct ksnap_snapshot *s, const char *code, const char *subject)
{
	const msgpack_object *list = object_get(snapshot_root(s), "reasons");

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *c = object_get(&list->via.array.ptr[i], "code");
		const msgpack_object *j = object_get(&list->via.array.ptr[i], "subject");

		if (c->via.str.size == strlen(code) &&
		    !memcmp(c->via.str.ptr, code, strlen(code)) && j &&
		    j->via.str.size == strlen(subject) &&
		    !memcmp(j->via.str.ptr, subject, strlen(subject)))
			return true;
	}
	return false;
}

/* ---- the reader alone ------------------------------------------------------------------------ */

static void reads_only_what_is_mapped(void **state)
{
	struct ksnap_err err = { 0 };
	struct kernel_reader *r = kernel_reader_create(&err);
	uint8_t data[130][16];
	struct kernel_read reads[130];

	if (!r)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < 130; i++)
		reads[i] = (struct kernel_read){ .addr = i % 2 ? BOGUS : USER_SPACE,
						 .len = 16,
						 .data = data[i] };
	assert_int_equal(kernel_reader_run(r, reads, 130, &err), 0);
	for (size_t i = 0; i < 130; i++)
		assert_true(reads[i].error == EFAULT || reads[i].error == ERANGE);
	kernel_reader_destroy(r);
}

/* ---- captures -------------------------------------------------------------------------------- */

static void nothing_is_followed_unasked(void **state)
{
	struct ksnap_snapshot *s = chase("pt_circle", 0);

	assert_true(ksnap_snapshot_complete(s));
	assert_null(object_get(snapshot_root(s), "chased"));
	expect_miss(s, "pt_circle[0].next.value", KSNAP_E_ARG, "capture with chase");
	ksnap_snapshot_close(s);
}

static void a_circle_ends(void **state)
{
	struct ksnap_snapshot *s = chase("pt_circle", 4);

	assert_true(ksnap_snapshot_complete(s));
	assert_int_equal(nchased(s), 2);
	assert_int_equal(u64_at(s, "pt_circle[0].value"), 1);
	assert_int_equal(u64_at(s, "pt_circle[0].next.value"), 2);
	assert_int_equal(u64_at(s, "pt_circle[1].next.value"), 1);
	assert_int_equal(u64_at(s, "pt_circle[0].next.back.next.value"), 2);
	assert_int_equal(u64_at(s, "pt_circle[0].next[0].value"), 2);
	ksnap_snapshot_close(s);
}

/* pt_entry points to node 0, which is one deep; node 3 is four deep, and its next one too many. */
static void follows_as_deep_as_asked(void **state)
{
	static const char path[] = "pt_entry[0].next.next.next.next.next.value";

	for (unsigned depth = 1; depth <= 4; depth++) {
		struct ksnap_snapshot *s = chase("pt_entry", depth);
		char at[64];

		assert_true(ksnap_snapshot_complete(s));
		assert_int_equal(nchased(s), depth);
		snprintf(at, sizeof(at), "pt_entry[0]%.*s.value", 5 * (int)depth, path + 11);
		assert_int_equal(u64_at(s, at), 100 + depth - 1);
		snprintf(at, sizeof(at), "pt_entry[0]%.*s.value", 5 * (int)(depth + 1), path + 11);
		expect_miss(s, at, KSNAP_E_ARG, "capture with chase");
		ksnap_snapshot_close(s);
	}
}

static void follows_globals(void **state)
{
	struct ksnap_snapshot *s = chase(".bss", 1);

	assert_int_equal(nchased(s), 1);
	assert_int_equal(u64_at(s, "head.value"), 100);
	ksnap_snapshot_close(s);
}

static void each_kind_of_pointer(void **state)
{
	struct ksnap_snapshot *s = chase("pt_refs", 2);

	expect_miss(s, "pt_refs[0].none.value", KSNAP_E_NOTFOUND, "is NULL");
	expect_miss(s, "pt_refs[0].bogus.value", KSNAP_E_NOTFOUND, "could not be read");
	expect_miss(s, "pt_refs[0].user.value", KSNAP_E_NOTFOUND, "could not be read");
	expect_miss(s, "pt_refs[0].declared.x", KSNAP_E_NOTFOUND,
		    "has no member 'x'; it has: first");
	expect_miss(s, "pt_refs[0].call.x", KSNAP_E_NOTFOUND, "could not be read");
	expect_miss(s, "pt_refs[0].first[1]", KSNAP_E_ARG, "[0] is what it points to");
	assert_int_equal(u64_at(s, "pt_refs[0].first.value"), 100);
	assert_int_equal(u64_at(s, "pt_refs[0].again.value"), 100);
	assert_int_equal(u64_at(s, "pt_refs[0].twice.value"), 100);
	assert_int_equal(u64_at(s, "pt_refs[0].twice[0][0].value"), 100);
	assert_int_equal(u64_at(s, "pt_refs[0].wide.first"), 77);
	assert_int_equal(u64_at(s, "pt_refs[0].untyped[0].first"), 77); /* known by its address */
	/* bogus, user, the first two of the chain, first, wide */
	assert_int_equal(nchased(s), 6);
	ksnap_snapshot_close(s);
}

static void an_object_is_cut_at_its_limit(void **state)
{
	struct ksnap_snapshot *s = chase("pt_refs", 1);
	struct ksnap_err err = { 0 };
	struct ksnap_value v;

	assert_false(ksnap_snapshot_complete(s));
	assert_true(has_reason(s, "limit", "MAX_CHASED_OBJECT"));
	assert_int_equal(ksnap_snapshot_get(s, "pt_refs[0].wide[0]", &v, &err), 0);
	assert_int_equal(v.size, LIMIT_MAX_CHASED_OBJECT);
	ksnap_snapshot_close(s);
}

static void objects_and_bytes_are_bounded(void **state)
{
	int fd = bpf_program__fd(bpf_object__find_program_by_name(object, "fill_many"));
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct ksnap_snapshot *s;

	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	s = chase("pt_many", 4);
	assert_int_equal(nchased(s), LIMIT_MAX_CHASED);
	assert_true(has_reason(s, "limit", "MAX_CHASED"));
	ksnap_snapshot_close(s);
	s = chase("pt_holds", 1);
	assert_int_equal(nchased(s), LIMIT_MAX_CHASED_BYTES / LIMIT_MAX_CHASED_OBJECT);
	assert_true(has_reason(s, "limit", "MAX_CHASED_BYTES"));
	ksnap_snapshot_close(s);
}

/* The program's own struct task_struct has offsets that are not the kernel's. */
static void kernel_types_come_from_the_kernel(void **state)
{
	struct ksnap_snapshot *s = chase("pt_self", 1);
	struct ksnap_err err = { 0 };
	struct ksnap_value v;
	char comm[32], kept[32];

	assert_int_equal(u64_at(s, "pt_self[0].task.pid"), u64_at(s, "pt_self[0].pid"));
	assert_int_equal(u64_at(s, "pt_self[0].task.pid"), getpid());
	assert_int_equal(u64_at(s, "pt_self[0].task.tgid"), getpid());
	assert_int_equal(ksnap_snapshot_get(s, "pt_self[0].task.comm", &v, &err), 0);
	assert_true(ksnap_value_str(&v, comm, sizeof(comm), &err) > 0);
	assert_int_equal(ksnap_snapshot_get(s, "pt_self[0].comm", &v, &err), 0);
	assert_true(ksnap_value_str(&v, kept, sizeof(kept), &err) > 0);
	assert_string_equal(comm, kept);
	expect_miss(s, "pt_self[0].task.pidd", KSNAP_E_NOTFOUND, "it has: ");
	ksnap_snapshot_close(s);
}

static void the_kernel_is_followed_on(void **state)
{
	struct ksnap_snapshot *s = chase("pt_self", 4);
	struct buf out = BUF_INIT;

	assert_true(nchased(s) > 10);
	assert_true(nchased(s) <= LIMIT_MAX_CHASED);
	assert_int_equal(u64_at(s, "pt_self[0].task.group_leader.pid"), getpid());
	assert_true(u64_at(s, "pt_self[0].task.mm.mm_users.counter") >= 1);
	assert_int_equal(render_report_json(s, &(struct render_opts){ 0 }, &out), 0);
	assert_int_equal(render_report_tree(s, &(struct render_opts){ 0 }, &out), 0);
	buf_fini(&out);
	ksnap_snapshot_close(s);
}

static void every_address_stands_once(void **state)
{
	struct ksnap_snapshot *s = chase("pt_self", 3);
	const msgpack_object *list = chased_of(s);
	size_t bytes = 0;

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *row = &list->via.array.ptr[i];
		uint64_t addr = object_get(row, "addr")->via.u64;

		bytes += object_get(row, "data")->via.bin.size;
		assert_true(object_get(row, "data")->via.bin.size <= LIMIT_MAX_CHASED_OBJECT);
		for (uint32_t j = 0; j < i; j++)
			assert_true(object_get(&list->via.array.ptr[j], "addr")->via.u64 != addr);
	}
	assert_true(bytes <= LIMIT_MAX_CHASED_BYTES);
	ksnap_snapshot_close(s);
}

static void rendering_shows_the_target_once(void **state)
{
	struct ksnap_snapshot *s = chase("pt_circle", 4);
	struct render_opts raw = { .raw = true }, opts = { 0 };
	struct buf out = BUF_INIT;
	struct ksnap_err err = { 0 };
	struct ksnap_value v;
	const char *first;

	assert_int_equal(ksnap_snapshot_get(s, "pt_circle[0]", &v, &err), 0);
	assert_int_equal(render_value_json(&v, &opts, &out), 0);
	buf_append(&out, "", 1);
	first = strstr((char *)out.data, "\"deref\":{\"next\":{\"addr\":\"0x");
	assert_non_null(first);
	assert_non_null(strstr(first, "\"value\":1}"));
	assert_non_null(strstr(first, "\"value\":2}"));
	assert_non_null(strstr((char *)out.data, "\"back\":\"0x"));
	buf_clear(&out);
	assert_int_equal(render_value_json(&v, &raw, &out), 0);
	buf_append(&out, "", 1);
	assert_null(strstr((char *)out.data, "deref"));
	buf_fini(&out);
	ksnap_snapshot_close(s);
}

static void the_deadline_is_a_reason(void **state)
{
	struct ksnap_snapshot *s = capture("pt_self", 4, clock_mono_ns());

	assert_false(ksnap_snapshot_complete(s));
	assert_true(has_reason(s, "deadline", "chase"));
	ksnap_snapshot_close(s);
}

/* CAP_SYS_ADMIN alone finds maps; programs need more. */
static int keep_only(unsigned cap)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	data[cap / 32].effective = data[cap / 32].permitted = 1u << cap % 32;
	return syscall(SYS_capset, &head, data);
}

static int try_without_rights(void)
{
	struct ksnap_err err = { 0 };

	if (keep_only(CAP_NET_RAW))
		return 1;
	if (kernel_reader_create(&err))
		return 2;
	if (err.code != KSNAP_E_DENIED)
		return 3;
	return strstr(err.text, "CAP_BPF") ? 0 : 4;
}

/* From now on the kernel refuses to load programs to this process; all else goes on. */
static int refuse_programs(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_PROG_LOAD, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(filter), .filter = filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* The next element is all that system calls show. */
static int try_queue_without_programs(void)
{
	_close_ int fd = bpf_map_create(BPF_MAP_TYPE_QUEUE, "waiting", 0, 8, 10, NULL);
	const struct ksnap_map *m;
	struct ksnap_snapshot *s;
	uint64_t v;

	for (v = 7; v < 10; v++)
		bpf_map_update_elem(fd, NULL, &v, BPF_ANY);
	s = capture_id(id_of_fd(fd), 0, in_a_minute());
	m = ksnap_snapshot_map_at(s, 0);
	return ksnap_map_count(m) != 1 || ksnap_map_complete(m) ||
	       !has_reason(s, "map_partial", "waiting");
}

/* The maps are there, what they point to is not, and the reason says why. */
static int try_without_programs(void)
{
	struct ksnap_err err = { 0 };
	struct ksnap_snapshot *s;

	target = target_live.open("", &err);
	if (!target || refuse_programs())
		return 1;
	s = chase("pt_circle", 1);
	if (ksnap_snapshot_complete(s) || !has_reason(s, "denied", "chase"))
		return 2;
	if (object_get(snapshot_root(s), "chased") || u64_at(s, "pt_circle[1].value") != 2)
		return 3;
	return try_queue_without_programs() ? 4 : 0;
}

static void maps_are_good_without_programs(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(try_without_programs());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
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

/* ---- the program ----------------------------------------------------------------------------- */

/* ---- comparing ------------------------------------------------------------------------------- */

static int note_path(void *arg, const struct ksnap_change *c)
{
	strcat(arg, c->path);
	strcat(arg, c->delta ? c->delta : "");
	strcat(arg, ";");
	return 0;
}

/* The map of pt_entry stays as it is; what its pointer leads to, another map's value, does not. */
static void a_change_behind_a_pointer_is_told(void **state)
{
	int fd = bpf_object__find_map_fd_by_name(object, "pt_chain");
	struct ksnap_snapshot *before = chase("pt_entry", 4), *after;
	struct ksnap_err err = { 0 };
	char told[1024] = "";
	struct pt_node node;
	uint32_t key = 2;

	assert_int_equal(bpf_map_lookup_elem(fd, &key, &node), 0);
	node.value += 7;
	assert_int_equal(bpf_map_update_elem(fd, &key, &node, BPF_ANY), 0);
	after = chase("pt_entry", 4);
	assert_int_equal(ksnap_snapshot_diff(before, before, NULL, note_path, told, &err), 0);
	assert_int_equal(ksnap_snapshot_diff(before, after, NULL, note_path, told, &err), 1);
	assert_string_equal(told, "pt_entry[0].next.next.next.value+7;");
	node.value -= 7;
	assert_int_equal(bpf_map_update_elem(fd, &key, &node, BPF_ANY), 0);
	ksnap_snapshot_close(before);
	ksnap_snapshot_close(after);
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static int load(const char *dir)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/bpf/pointers.bpf.o", dir);
	object = bpf_object__open(path);
	if (!object || bpf_object__load(object))
		return errno;
	if (bpf_prog_test_run_opts(
		    bpf_program__fd(bpf_object__find_program_by_name(object, "fill")), &opts))
		return errno;
	return opts.retval ? EIO : 0;
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
	bpf_object__close(object);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_only_what_is_mapped),
		cmocka_unit_test(nothing_is_followed_unasked),
		cmocka_unit_test(a_circle_ends),
		cmocka_unit_test(follows_as_deep_as_asked),
		cmocka_unit_test(follows_globals),
		cmocka_unit_test(each_kind_of_pointer),
		cmocka_unit_test(an_object_is_cut_at_its_limit),
		cmocka_unit_test(objects_and_bytes_are_bounded),
		cmocka_unit_test(kernel_types_come_from_the_kernel),
		cmocka_unit_test(the_kernel_is_followed_on),
		cmocka_unit_test(every_address_stands_once),
		cmocka_unit_test(rendering_shows_the_target_once),
		cmocka_unit_test(a_change_behind_a_pointer_is_told),
		cmocka_unit_test(the_deadline_is_a_reason),
		cmocka_unit_test(maps_are_good_without_programs),
		cmocka_unit_test(says_which_rights_are_missing),
	};
	bool must = strstr(getenv("KSNAP_TEST_REQUIRE") ?: "", "bpf");
	int error;

	libbpf_set_print(quiet);
	error = load(getenv("KSNAP_TOP_BUILDDIR") ?: ".");
	if (error) {
		printf(must ? "1..1\nnot ok 1 - BPF cannot be used here: %s\n"
			    : "1..0 # SKIP BPF cannot be used here: %s\n",
		       strerror(error));
		return must;
	}
	return cmocka_run_group_tests(tests, open_target, close_target);
}
