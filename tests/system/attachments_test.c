// SPDX-License-Identifier: MIT
/* attachments_test.c - what a capture says of programs, links and struct_ops of the running kernel.
 *
 * The struct_ops is a TCP congestion control under a name of this process's own; nothing uses it.
 * Needs the right to use BPF; KSNAP_TEST_REQUIRE=bpf makes its absence a failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/live/live.h"
#include "capture/target.h"
#include "report/reader.h"

#define LINKED          (1u << 13) /* map flag: attached by a link */
#define STRUCT_OPS_LINK 44         /* attach type of such a link */
#define PLACEHOLDER     "ksnap_t_000000"

static struct target *target;
static struct report_builder *rb;

/* ---- one capture ----------------------------------------------------------------------------- */

/* With @pattern NULL all maps but ksnap's own. */
static struct ksnap_snapshot *capture(const char *pattern, bool progs)
{
	struct capture_request rq = { .tag = "t",
				      .maps = &pattern,
				      .nmaps = pattern != NULL,
				      .progs = progs,
				      .deadline_mono_ns = clock_mono_ns() + 60 * NS_PER_S };
	struct report_info info = { .tag = "t", .target_kind = "live", .target_name = "live" };
	struct ksnap_err err = { 0 };
	struct ksnap_snapshot *s;
	struct ksnap_blob *blob;

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

static const msgpack_object *list_of(const struct ksnap_snapshot *s, const char *key)
{
	const msgpack_object *list = object_get(snapshot_root(s), key);

	assert_non_null(list);
	assert_int_equal(list->type, MSGPACK_OBJECT_ARRAY);
	return list;
}

static uint64_t number_of(const msgpack_object *row, const char *key)
{
	const msgpack_object *o = object_get(row, key);

	if (!o)
		fail_msg("no %s", key);
	assert_int_equal(o->type, MSGPACK_OBJECT_POSITIVE_INTEGER);
	return o->via.u64;
}

static void check_word(const msgpack_object *row, const char *key, const char *want)
{
	const msgpack_object *o = object_get(row, key);

	if (!o || o->via.str.size != strlen(want) || memcmp(o->via.str.ptr, want, strlen(want)))
		fail_msg("%s is %.*s, not %s", key, o ? (int)o->via.str.size : 0,
			 o ? o->via.str.ptr : "", want);
}

/* The row of list @list whose @key is @id, or NULL. */
static const msgpack_object *row_of(const struct ksnap_snapshot *s, const char *list,
				    const char *key, uint64_t id)
{
	const msgpack_object_array *rows = &list_of(s, list)->via.array;

	for (uint32_t i = 0; i < rows->size; i++) {
		if (number_of(&rows->ptr[i], key) == id)
			return &rows->ptr[i];
	}
	return NULL;
}

static bool holds(const msgpack_object *list, uint64_t id)
{
	for (uint32_t i = 0; i < list->via.array.size; i++) {
		if (list->via.array.ptr[i].via.u64 == id)
			return true;
	}
	return false;
}

static uint32_t id_by_fd(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

static uint32_t map_id(const struct bpf_object *obj, const char *name)
{
	return id_by_fd(bpf_object__find_map_fd_by_name(obj, name));
}

static const struct ksnap_map *map_by_fd(const struct ksnap_snapshot *s, int fd)
{
	uint32_t id = id_by_fd(fd);

	for (size_t i = 0; i < ksnap_snapshot_map_count(s); i++) {
		if (ksnap_map_id(ksnap_snapshot_map_at(s, i)) == id)
			return ksnap_snapshot_map_at(s, i);
	}
	return NULL;
}

static int prog_fd(const struct bpf_object *obj, const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);

	assert_non_null(p);
	return bpf_program__fd(p);
}

static uint32_t prog_id(const struct bpf_object *obj, const char *name)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(prog_fd(obj, name), &info, &len), 0);
	return info.id;
}

/* ---- objects --------------------------------------------------------------------------------- */

static void *read_file(const char *name, size_t *ret_len)
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

/* Congestion controls have one name each on a host: six digits of our own. */
static void rename_ops(void *elf, size_t len)
{
	static unsigned uses;
	char *at = memmem(elf, len, PLACEHOLDER, strlen(PLACEHOLDER)), digits[16];

	assert_non_null(at);
	snprintf(digits, sizeof(digits), "%06x",
		 (unsigned)((getpid() * 977u + clock_mono_ns() / 1000) * 16 + uses++) & 0xffffff);
	memcpy(at + strlen(PLACEHOLDER) - 6, digits, 6);
}

static struct bpf_object *load(const char *file, uint32_t map_flags)
{
	size_t len;
	_free_ void *elf = read_file(file, &len);
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = file);
	struct bpf_object *obj;
	struct bpf_map *m;

	if (!strcmp(file, "congest"))
		rename_ops(elf, len);
	obj = bpf_object__open_mem(elf, len, &opts);
	assert_non_null(obj);
	m = bpf_object__find_map_by_name(obj, "congest");
	if (map_flags)
		assert_int_equal(bpf_map__set_map_flags(m, map_flags), 0);
	if (bpf_object__load(obj))
		fail_msg("load %s: %s", file, strerror(errno));
	return obj;
}

static struct bpf_link *attach_ops(struct bpf_object *obj)
{
	struct bpf_link *link =
		bpf_map__attach_struct_ops(bpf_object__find_map_by_name(obj, "congest"));

	if (!link)
		fail_msg("attach: %s", strerror(errno));
	return link;
}

/* ---- what there is without asking ------------------------------------------------------------ */

static void says_only_what_was_asked_for(void **state)
{
	struct ksnap_snapshot *s = capture("no_such_map", false);

	list_of(s, "active"); /* always, maybe empty */
	assert_null(object_get(snapshot_root(s), "progs"));
	assert_null(object_get(snapshot_root(s), "links"));
	assert_null(object_get(snapshot_root(s), "struct_ops"));
	assert_null(object_get(snapshot_root(s), "sched"));
	ksnap_snapshot_close(s);
}

/* Without sched_ext in the kernel there is no such key, and the report is complete all the same. */
static void sched_is_there_when_the_kernel_has_it(void **state)
{
	struct ksnap_snapshot *s = capture("no_such_map", true);
	bool has = !access("/sys/kernel/sched_ext", F_OK);

	assert_int_equal(has, object_get(snapshot_root(s), "sched") != NULL);
	ksnap_snapshot_close(s);
}

/* ---- struct_ops ------------------------------------------------------------------------------ */

static void check_state(struct bpf_object *obj, const char *state, bool attached)
{
	struct ksnap_snapshot *s = capture("no_such_map", true);
	uint32_t id = map_id(obj, "congest"), bss = map_id(obj, ".bss");
	const msgpack_object *row = row_of(s, "struct_ops", "map", id);

	assert_non_null(row);
	check_word(row, "name", "congest");
	check_word(row, "ops", "tcp_congestion_ops");
	check_word(row, "state", state);
	assert_int_equal(object_get(row, "attached")->via.boolean, attached);
	assert_int_equal(holds(list_of(s, "active"), id), attached);
	assert_int_equal(holds(list_of(s, "active"), bss), attached);
	ksnap_snapshot_close(s);
}

static void of_two_instances_the_attached_one_is_active(void **state)
{
	struct bpf_object *first = load("congest", 0), *second = load("congest", 0);
	struct bpf_link *link;
	struct ksnap_snapshot *s;

	check_state(first, "init", false);
	link = attach_ops(second);
	check_state(first, "init", false);
	check_state(second, "inuse", true);
	s = capture("congest.bss", false); /* also when nobody asked for programs */
	assert_true(ksnap_snapshot_map_count(s) >= 2);
	assert_false(holds(list_of(s, "active"), map_id(first, ".bss")));
	assert_true(holds(list_of(s, "active"), map_id(second, ".bss")));
	assert_true(holds(list_of(s, "active"), map_id(second, ".data")));
	ksnap_snapshot_close(s);
	bpf_link__destroy(link);
	check_state(second, "tobefree", false);
	bpf_object__close(first);
	bpf_object__close(second);
}

static void functions_are_named_by_their_programs(void **state)
{
	static const char *const names[] = { "keep_ssthresh", "keep_window", "keep_undo" };
	struct bpf_object *obj = load("congest", 0);
	struct bpf_link *link = attach_ops(obj);
	struct ksnap_snapshot *s = capture("no_such_map", true);
	const msgpack_object *row = row_of(s, "struct_ops", "map", map_id(obj, "congest"));
	const msgpack_object *progs = object_get(row, "progs");

	assert_int_equal(progs->via.array.size, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(progs->via.array.ptr[i].via.u64, prog_id(obj, names[i]));
	ksnap_snapshot_close(s);
	bpf_link__destroy(link);
	bpf_object__close(obj);
}

/* libbpf of old makes no such link: by hand. -1 when the kernel knows none either. */
static int make_link(int map_fd)
{
	struct {
		uint32_t map_fd, target_fd, attach_type, flags;
		uint8_t rest[112];
	} attr = { .map_fd = map_fd, .attach_type = STRUCT_OPS_LINK };

	return syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
}

/* Fill the map with the ids of its functions, as libbpf does, by attaching it: "ready" then. */
static void links_attach_what_is_ready(void **state)
{
	struct bpf_object *obj = load("congest", LINKED);
	struct bpf_link *link = attach_ops(obj);
	const msgpack_object *row;
	struct ksnap_snapshot *s;
	uint32_t id = map_id(obj, "congest");
	int fd;

	check_state(obj, "ready", false);
	fd = make_link(bpf_object__find_map_fd_by_name(obj, "congest"));
	if (fd < 0)
		fail_msg("link: %s", strerror(errno));
	check_state(obj, "ready", true);
	s = capture("no_such_map", true);
	row = row_of(s, "struct_ops", "map", id);
	row = row_of(s, "links", "id", number_of(row, "link"));
	assert_non_null(row);
	check_word(row, "type", "struct_ops");
	assert_int_equal(number_of(row, "map"), id);
	ksnap_snapshot_close(s);
	for (int i = 0; i < 2; i++) { /* links are read for this even when not asked for */
		s = capture("no_such_map", false);
		assert_true(holds(list_of(s, "active"), map_id(obj, ".bss")));
		ksnap_snapshot_close(s);
	}
	close(fd);
	check_state(obj, "ready", false);
	bpf_link__disconnect(link);
	bpf_link__destroy(link);
	bpf_object__close(obj);
}

/* ---- types ----------------------------------------------------------------------------------- */

/* A target of its own, which has converted nothing yet. What its maps' types become is kept: of a
 * second capture none is converted. */
static void types_are_converted_once(void **state)
{
	struct target *shared = target;
	struct bpf_object *obj = load("shapes", 0);
	struct ksnap_snapshot *first, *second;
	char pattern[32];
	uint64_t made;

	snprintf(pattern, sizeof(pattern), "id:%u", map_id(obj, "tasks"));
	target = target_live.open("", NULL);
	assert_non_null(target);
	first = capture(pattern, false);
	made = btf_types_made(target->types);
	assert_int_equal(made, 2); /* of the key and of the value */
	second = capture(pattern, false);
	assert_int_equal(btf_types_made(target->types), made);
	assert_true(list_of(first, "types")->via.array.size > 10);
	assert_true(msgpack_object_equal(*list_of(first, "types"), *list_of(second, "types")));
	ksnap_snapshot_close(first);
	ksnap_snapshot_close(second);
	target_live.close(target);
	target = shared;
	bpf_object__close(obj);
}

static void the_kernels_own_types_are_at_hand(void **state)
{
	struct btf_types *c = btf_types_create(NULL);
	struct type_table *t = type_table_create(NULL);
	struct ksnap_err err = { 0 };
	const struct btf *kernel = btf_types_load(c, BTF_OF_KERNEL, &err);
	int64_t at;

	if (!kernel)
		fail_msg("%s", err.text);
	at = btf_types_add(c, BTF_OF_KERNEL,
			   btf__find_by_name_kind(kernel, "task_struct", BTF_KIND_STRUCT), t, &err);
	if (at < 0)
		fail_msg("%s", err.text);
	assert_string_equal(type_at(t, at)->name, "task_struct");
	assert_true(type_at(t, at)->nmembers > 50);
	assert_int_equal(btf_types_load(c, 0x7ffffff0, &err) == NULL, 1);
	assert_int_equal(err.code, KSNAP_E_TARGET);
	type_table_destroy(t);
	btf_types_destroy(c);
}

/* Each struct, union, enum and section the kernel has is a table. */
static void every_type_of_the_kernel_converts(void **state)
{
	struct btf_types *c = btf_types_create(NULL);
	const struct btf *kernel = btf_types_load(c, BTF_OF_KERNEL, NULL);
	struct type_table *t = type_table_create(NULL);
	struct ksnap_err err = { 0 };

	assert_non_null(kernel);
	assert_true(btf__type_cnt(kernel) > 10000);
	for (uint32_t id = 0; id < btf__type_cnt(kernel); id++) {
		type_table_clear(t);
		if (btf_convert(kernel, id, t, &err) < 0)
			fail_msg("type %u: %s", id, err.text);
	}
	type_table_destroy(t);
	btf_types_destroy(c);
}

#define WIDE 60000 /* members of one byte each */

/* A struct that the kernel takes and a report does not: its members' names alone are 3.6 MB. */
static int make_wide_map(void)
{
	struct btf *btf = btf__new_empty();
	int u8 = btf__add_int(btf, "u8", 1, 0), u32 = btf__add_int(btf, "u32", 4, 0);
	int s = btf__add_struct(btf, "wide", WIDE), fd;
	LIBBPF_OPTS(bpf_map_create_opts, opts, .btf_key_type_id = u32, .btf_value_type_id = s);
	char name[64];

	for (unsigned i = 0; i < WIDE; i++) {
		snprintf(name, sizeof(name),
			 "a_name_of_some_sixty_bytes_for_each_of_the_members_%08u", i);
		assert_int_equal(btf__add_field(btf, name, u8, 8 * i, 0), 0);
	}
	if (btf__load_into_kernel(btf))
		fail_msg("BTF: %s", strerror(errno));
	opts.btf_fd = btf__fd(btf);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wide", 4, WIDE, 1, &opts);
	if (fd < 0)
		fail_msg("map: %s", strerror(errno));
	btf__free(btf);
	return fd;
}

static void types_too_large_leave_the_bytes(void **state)
{
	int fd = make_wide_map();
	uint32_t zero = 0;
	_free_ uint8_t *bytes = malloc(WIDE);
	struct ksnap_snapshot *s;
	struct ksnap_value v;
	char pattern[32];

	memset(bytes, 0x5a, WIDE);
	assert_int_equal(bpf_map_update_elem(fd, &zero, bytes, BPF_ANY), 0);
	snprintf(pattern, sizeof(pattern), "id:%u", id_by_fd(fd));
	s = capture(pattern, false);
	check_word(&list_of(s, "reasons")->via.array.ptr[0], "code", "type_unknown");
	check_word(&list_of(s, "reasons")->via.array.ptr[0], "subject", "wide");
	assert_true(ksnap_map_complete(ksnap_snapshot_map_at(s, 0)));
	assert_null(object_get(map_row(ksnap_snapshot_map_at(s, 0)), "vt"));
	assert_int_equal(ksnap_map_value(ksnap_snapshot_map_at(s, 0), 0, &v, NULL), 0);
	assert_int_equal(v.size, WIDE);
	assert_memory_equal(v.data, bytes, WIDE);
	ksnap_snapshot_close(s);
	close(fd);
}

/* ---- links and programs ---------------------------------------------------------------------- */

static void links_say_what_they_hang_on(void **state)
{
	struct bpf_object *obj = load("counter", 0);
	struct bpf_link *link =
		bpf_program__attach(bpf_object__find_program_by_name(obj, "count_switch"));
	struct ksnap_snapshot *s = capture("no_such_map", true);
	uint32_t prog = prog_id(obj, "count_switch");
	const msgpack_object *row = row_of(s, "links", "prog", prog);

	assert_non_null(row);
	check_word(row, "type", "raw_tracepoint");
	check_word(row, "target", "sched_switch");
	assert_null(object_get(row, "map"));
	ksnap_snapshot_close(s);
	bpf_link__destroy(link);
	s = capture("no_such_map", true);
	assert_null(row_of(s, "links", "prog", prog));
	ksnap_snapshot_close(s);
	bpf_object__close(obj);
}

/* Own maps are left out unless a rule names them. */
static void own_maps_are_not_taken_by_themselves(void **state)
{
	int own = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ksnap_t_own", 4, 4, 1, NULL);
	int other = bpf_map_create(BPF_MAP_TYPE_ARRAY, "t_other", 4, 4, 1, NULL);
	struct ksnap_snapshot *s;

	assert_true(own >= 0 && other >= 0);
	s = capture(NULL, false);
	assert_null(map_by_fd(s, own));
	assert_non_null(map_by_fd(s, other));
	ksnap_snapshot_close(s);
	s = capture("ksnap_t_*", false);
	assert_non_null(map_by_fd(s, own));
	assert_null(map_by_fd(s, other));
	ksnap_snapshot_close(s);
	s = capture("!t_oth*", false); /* only a denial: all others but own */
	assert_null(map_by_fd(s, own));
	assert_null(map_by_fd(s, other));
	ksnap_snapshot_close(s);
	close(own);
	close(other);
}

static void run_times(int fd, unsigned n)
{
	uint8_t packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = n);

	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
}

static uint64_t counted(uint32_t prog, const char *what)
{
	struct ksnap_snapshot *s = capture("no_such_map", true);
	const msgpack_object *row = row_of(s, "progs", "id", prog);
	uint64_t n;

	assert_non_null(row);
	n = number_of(row, what);
	ksnap_snapshot_close(s);
	return n;
}

/* Descriptors of this process that have the kernel count runs. */
static unsigned stats_held(void)
{
	struct dirent *e;
	unsigned n = 0;
	char to[256];
	DIR *d = opendir("/proc/self/fd");

	assert_non_null(d);
	while ((e = readdir(d))) {
		ssize_t len = readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1);

		if (len < 0)
			continue;
		to[len] = 0;
		n += strstr(to, "bpf-stats") != NULL;
	}
	closedir(d);
	return n;
}

static void runs_are_counted_while_asked_for(void **state)
{
	struct bpf_object *obj = load("shapes", 0);
	uint32_t id = prog_id(obj, "touch");
	int fd = prog_fd(obj, "touch");
	uint64_t before, time;

	ksnap_snapshot_close(capture("no_such_map", false));
	assert_int_equal(stats_held(), 0);
	before = counted(id, "run_cnt");
	assert_int_equal(stats_held(), 1);
	time = counted(id, "run_time_ns");
	run_times(fd, 500);
	assert_int_equal(counted(id, "run_cnt"), before + 500);
	run_times(fd, 7);
	assert_int_equal(counted(id, "run_cnt"), before + 507);
	assert_true(counted(id, "run_time_ns") > time);
	assert_int_equal(stats_held(), 1);
	ksnap_snapshot_close(capture("no_such_map", false));
	assert_int_equal(stats_held(), 0);
	bpf_object__close(obj);
}

/* ---- all ------------------------------------------------------------------------------------- */

static int open_target(void **state)
{
	struct ksnap_err err = { 0 };

	target = target_live.open("", &err);
	rb = report_builder_create(&err);
	return !target || !rb;
}

static int close_target(void **state)
{
	target_live.close(target);
	report_builder_destroy(rb);
	return 0;
}

/* NULL when BPF works here, else why not. */
static const char *try_bpf(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "probe", 4, 4, 1, NULL);

	if (fd < 0)
		return strerror(errno);
	close(fd);
	return NULL;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_only_what_was_asked_for),
		cmocka_unit_test(sched_is_there_when_the_kernel_has_it),
		cmocka_unit_test(of_two_instances_the_attached_one_is_active),
		cmocka_unit_test(functions_are_named_by_their_programs),
		cmocka_unit_test(links_attach_what_is_ready),
		cmocka_unit_test(types_are_converted_once),
		cmocka_unit_test(the_kernels_own_types_are_at_hand),
		cmocka_unit_test(every_type_of_the_kernel_converts),
		cmocka_unit_test(types_too_large_leave_the_bytes),
		cmocka_unit_test(links_say_what_they_hang_on),
		cmocka_unit_test(own_maps_are_not_taken_by_themselves),
		cmocka_unit_test(runs_are_counted_while_asked_for),
	};
	const char *why = try_bpf();

	libbpf_set_print(quiet);
	if (why) {
		bool must = strstr(getenv("KSNAP_TEST_REQUIRE") ?: "", "bpf") != NULL;

		printf(must ? "1..1\nnot ok 1 - BPF: %s\n" : "1..0 # SKIP BPF: %s\n", why);
		return must;
	}
	return cmocka_run_group_tests(tests, open_target, close_target);
}
