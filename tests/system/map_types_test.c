// SPDX-License-Identifier: MIT
/* map_types_test.c - a map of every type that is not a plain array or hash, made and filled here:
 * what was put in is in the report, or the report says why it cannot be.
 *
 * Needs the right to use BPF; KSNAP_TEST_REQUIRE=bpf makes its absence a failure.
 */
#include "live_rig.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/live/cgroup.h"
#include "tests/bpf/families.h"

static struct live_rig rig;
static struct bpf_object *families;

static int fd_of(const char *name)
{
	return bpf_object__find_map_fd_by_name(families, name);
}

static int prog_fd_of(const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(families, name));
}

static void check_bytes(const struct ksnap_map *m, const void *want, size_t size)
{
	struct ksnap_value v;

	assert_int_equal(ksnap_map_value(m, 0, &v, NULL), 0);
	assert_int_equal(v.size, size);
	assert_memory_equal(v.data, want, size);
}

/* ---- what cannot be read ----------------------------------------------------------------------
 */

static void expect_explained(int fd)
{
	struct ksnap_snapshot *s = rig_capture_fd(&rig, fd);
	const struct ksnap_map *m = only_map(s, fd, false);
	const msgpack_object *why = object_get(map_row(m), "error");

	assert_int_equal(ksnap_map_count(m), 0);
	assert_non_null(why);
	assert_true(why->via.str.size > 20);
	assert_true(has_reason(s, "unsupported", ksnap_map_name(m)));
	ksnap_snapshot_close(s);
}

static void bloom_filters_are_explained(void **state)
{
	_close_ int fd = make(BPF_MAP_TYPE_BLOOM_FILTER, "bloom", 0, 8, 100);

	expect_explained(fd);
}

/* ---- maps of maps ----------------------------------------------------------------------------
 */

struct nest {
	int outer, inner[3];
};

static void make_nest(struct nest *n, enum bpf_map_type type)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);

	for (uint32_t i = 0; i < 3; i++) {
		n->inner[i] = make(BPF_MAP_TYPE_ARRAY, "inner", 4, 8, 2);
		put(n->inner[i], 1, &(uint64_t){ 100 + i });
	}
	opts.inner_map_fd = n->inner[0];
	n->outer = bpf_map_create(type, "outer", 4, 4, 10, &opts);
	assert_true(n->outer >= 0);
	put_number(n->outer, 3, n->inner[0]);
	put_number(n->outer, 5, n->inner[1]);
	put_number(n->outer, 7, n->inner[1]);
}

static void drop_nest(struct nest *n)
{
	close(n->outer);
	for (int i = 0; i < 3; i++)
		close(n->inner[i]);
}

static void check_inner_list(const struct ksnap_map *outer, const struct nest *n)
{
	const msgpack_object *inner = object_get(map_row(outer), "inner");

	assert_non_null(inner);
	assert_int_equal(inner->via.array.size, 2);
	assert_int_equal(inner->via.array.ptr[0].via.u64, id_of(n->inner[0]));
	assert_int_equal(inner->via.array.ptr[1].via.u64, id_of(n->inner[1]));
}

static uint32_t expected_inner(const struct nest *n, int64_t key)
{
	return id_of(n->inner[key == 3 ? 0 : 1]);
}

/* Only the outer map was asked for; each inner one is there, once, and the third is not. */
static void check_nest(enum bpf_map_type type)
{
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;
	struct nest n;

	make_nest(&n, type);
	s = rig_capture_fd(&rig, n.outer);
	m = only_map(s, n.outer, true);
	assert_int_equal(ksnap_map_count(m), 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(value_at(m, i, ""), expected_inner(&n, key_at(m, i)));
	check_inner_list(m, &n);
	assert_int_equal(ksnap_snapshot_map_count(s), 3);
	for (int i = 0; i < 2; i++)
		assert_int_equal(value_at(rig_map(s, n.inner[i]), 1, ""), 100 + i);
	assert_null(rig_map(s, n.inner[2]));
	ksnap_snapshot_close(s);
	drop_nest(&n);
}

static void arrays_of_maps_bring_their_maps(void **state)
{
	check_nest(BPF_MAP_TYPE_ARRAY_OF_MAPS);
}

static void hashes_of_maps_bring_their_maps(void **state)
{
	check_nest(BPF_MAP_TYPE_HASH_OF_MAPS);
}

static void denied_inner_maps_stay_out(void **state)
{
	char take[32], deny[32];
	const char *rules[] = { take, deny };
	struct ksnap_snapshot *s;
	struct nest n;

	make_nest(&n, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	snprintf(take, sizeof(take), "id:%u", id_of(n.outer));
	snprintf(deny, sizeof(deny), "!id:%u", id_of(n.inner[0]));
	s = rig_capture(&rig, rules, 2);
	assert_true(ksnap_snapshot_complete(s));
	assert_null(rig_map(s, n.inner[0]));
	assert_non_null(rig_map(s, n.inner[1]));
	ksnap_snapshot_close(s);
	drop_nest(&n);
}

/* ---- kernel objects in places ----------------------------------------------------------------
 */

static uint32_t prog_id_of(const char *name)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(prog_fd_of(name), &info, &len), 0);
	return info.id;
}

static void prog_arrays_give_ids(void **state)
{
	_close_ int fd = make(BPF_MAP_TYPE_PROG_ARRAY, "progs", 4, 4, 1000);
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;

	put_number(fd, 7, prog_fd_of("fill"));
	put_number(fd, 999, prog_fd_of("fill"));
	s = rig_capture_fd(&rig, fd);
	m = only_map(s, fd, true);
	assert_int_equal(ksnap_map_count(m), 2);
	assert_int_equal(key_at(m, 0), 7);
	assert_int_equal(key_at(m, 1), 999);
	assert_int_equal(value_at(m, 0, ""), prog_id_of("fill"));
	assert_null(object_get(map_row(m), "missing"));
	ksnap_snapshot_close(s);
}

static void check_devices(enum bpf_map_type type)
{
	_close_ int fd = make(type, "devices", 4, 8, 16);
	const struct bpf_devmap_val lo = { .ifindex = 1, .bpf_prog.fd = -1 };
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;

	put(fd, 4, &lo);
	s = rig_capture_fd(&rig, fd);
	m = only_map(s, fd, true);
	assert_int_equal(ksnap_map_count(m), 1);
	assert_int_equal(value_at(m, 0, "ifindex"), 1);
	assert_int_equal(value_at(m, 0, "prog_id"), 0);
	ksnap_snapshot_close(s);
}

static void devmaps_give_devices(void **state)
{
	check_devices(BPF_MAP_TYPE_DEVMAP);
	check_devices(BPF_MAP_TYPE_DEVMAP_HASH);
}

static void cpumaps_give_queues(void **state)
{
	_close_ int fd = make(BPF_MAP_TYPE_CPUMAP, "cpus", 4, 4, 8);
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;

	put_number(fd, 0, 192);
	s = rig_capture_fd(&rig, fd);
	m = only_map(s, fd, true);
	assert_int_equal(ksnap_map_count(m), 1);
	assert_int_equal(key_at(m, 0), 0);
	assert_int_equal(value_at(m, 0, ""), 192);
	ksnap_snapshot_close(s);
}

static int open_event(uint64_t config)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = config };

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* The kernel lets go of an event whose map was closed: the map stays open until the end. */
static void perf_event_arrays_give_events(void **state)
{
	_close_ int fd = make(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "events", 4, 4, 600);
	_close_ int faults = open_event(PERF_COUNT_SW_PAGE_FAULTS);
	_close_ int output = open_event(PERF_COUNT_SW_BPF_OUTPUT);
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;

	assert_true(faults >= 0 && output >= 0);
	put_number(fd, 3, faults);
	put_number(fd, 555, output);
	s = rig_capture_fd(&rig, fd);
	m = only_map(s, fd, true);
	assert_int_equal(ksnap_map_count(m), 2);
	assert_int_equal(key_at(m, 0), 3);
	assert_int_equal(value_at(m, 0, "type"), PERF_TYPE_SOFTWARE);
	assert_int_equal(value_at(m, 0, "config"), PERF_COUNT_SW_PAGE_FAULTS);
	assert_int_equal(key_at(m, 1), 555);
	assert_int_equal(value_at(m, 1, "config"), PERF_COUNT_SW_BPF_OUTPUT);
	ksnap_snapshot_close(s);
}

static void cgroup_arrays_give_ids(void **state)
{
	_close_ int fd = make(BPF_MAP_TYPE_CGROUP_ARRAY, "cgroups", 4, 4, 10);
	_close_ int root = -1;
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;
	struct stat st;
	char path[4096];

	if (cgroup_root("/proc/self/mounts", path, sizeof(path), NULL))
		skip();
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	assert_int_equal(fstat(root, &st), 0);
	put_number(fd, 4, root);
	s = rig_capture_fd(&rig, fd);
	m = only_map(s, fd, true);
	assert_int_equal(ksnap_map_count(m), 1);
	assert_int_equal(key_at(m, 0), 4);
	assert_int_equal(value_at(m, 0, ""), st.st_ino);
	ksnap_snapshot_close(s);
}

static void xskmaps_give_sockets(void **state)
{
	_close_ int fd = make(BPF_MAP_TYPE_XSKMAP, "xsks", 4, 4, 10);
	_close_ int xsk = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;
	uint64_t cookie;

	if (xsk < 0) {
		print_message("# no AF_XDP sockets here: %s\n", strerror(errno));
		skip();
	}
	cookie = cookie_of(xsk);
	put_number(fd, 6, xsk);
	s = rig_capture_fd(&rig, fd);
	m = only_map(s, fd, true);
	assert_int_equal(ksnap_map_count(m), 1);
	assert_int_equal(key_at(m, 0), 6);
	assert_int_equal(value_at(m, 0, "socket_cookie"), cookie);
	assert_int_equal(value_at(m, 0, "queue_id"), 0);
	ksnap_snapshot_close(s);
}

static int open_reuseport(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, (void *)&at, sizeof(at)), 0);
	return fd;
}

static void check_reuseport(uint32_t value_size)
{
	_close_ int fd = make(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, "reuse", 4, value_size, 10);
	_close_ int sock = open_reuseport();
	uint64_t cookie = cookie_of(sock);
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;

	put(fd, 8, &(uint64_t){ sock });
	s = rig_capture_fd(&rig, fd);
	m = only_map(s, fd, true);
	assert_int_equal(ksnap_map_count(m), 1);
	assert_int_equal(key_at(m, 0), 8);
	assert_int_equal(value_at(m, 0, ""), cookie);
	ksnap_snapshot_close(s);
}

static void reuseport_arrays_give_cookies(void **state)
{
	check_reuseport(4);
	check_reuseport(8);
}

/* ---- arenas ----------------------------------------------------------------------------------
 */

#define MAP_TYPE_ARENA 33 /* newer than the headers it may be built with */
#define ARENA_PAGES    200

static void check_arena(int fd, const uint64_t *at, size_t n)
{
	struct ksnap_snapshot *s = rig_capture_fd(&rig, fd);
	const struct ksnap_map *m = only_map(s, fd, true);
	struct ksnap_value v;
	uint64_t word;

	assert_int_equal(object_get(map_row(m), "type")->via.str.size, strlen("arena"));
	assert_int_equal(ksnap_map_count(m), n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(key_at(m, i), at[i]);
		assert_int_equal(ksnap_map_value(m, i, &v, NULL), 0);
		assert_int_equal(v.size, 4096);
		memcpy(&word, v.data + 8, sizeof(word));
		assert_int_equal(word, at[i] + 1);
	}
	ksnap_snapshot_close(s);
}

/* Reading makes no page: the second capture sees what the first saw. */
static void arenas_give_the_pages_they_have(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	_close_ int fd = bpf_map_create(MAP_TYPE_ARENA, "arena", 0, 0, ARENA_PAGES, &opts);
	uint64_t at[2] = { 0 };
	uint8_t *p;

	if (fd < 0) {
		print_message("# no arenas here: %s\n", strerror(errno));
		skip();
	}
	p = mmap(NULL, ARENA_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	check_arena(fd, at, 0);
	at[0] = (uintptr_t)p + 3 * 4096;
	at[1] = (uintptr_t)p + 199 * 4096;
	for (int i = 0; i < 2; i++)
		*(uint64_t *)(at[i] + 8) = at[i] + 1;
	check_arena(fd, at, 2);
	check_arena(fd, at, 2);
	munmap(p, ARENA_PAGES * 4096);
}

/* ---- queues and rings ------------------------------------------------------------------------
 */

static uint64_t element(const struct ksnap_map *m, size_t i)
{
	struct ksnap_value v;
	uint64_t n;

	assert_int_equal(ksnap_map_value(m, i, &v, NULL), 0);
	assert_int_equal(v.size, sizeof(n));
	memcpy(&n, v.data, sizeof(n));
	return n;
}

/* All that waits, in the order in which it then comes out. */
static void drain_as_captured(int fd, unsigned want)
{
	struct ksnap_snapshot *s = rig_capture_fd(&rig, fd), *again = rig_capture_fd(&rig, fd);
	const struct ksnap_map *m = only_map(s, fd, true);
	uint64_t v;

	assert_int_equal(ksnap_map_count(m), want);
	assert_int_equal(ksnap_map_count(only_map(again, fd, true)), want);
	for (unsigned i = 0; i < want; i++) {
		assert_int_equal(bpf_map_lookup_and_delete_elem(fd, NULL, &v), 0);
		assert_int_equal(element(m, i), v);
	}
	assert_int_equal(bpf_map_lookup_and_delete_elem(fd, NULL, &v), -ENOENT);
	ksnap_snapshot_close(s);
	ksnap_snapshot_close(again);
}

static void push(int fd, uint64_t from, uint64_t n)
{
	for (uint64_t v = from; v < from + n; v++)
		assert_int_equal(bpf_map_update_elem(fd, NULL, &v, BPF_EXIST), 0);
}

/* Empty, in part, full, and around the end of the kernel's ring; and one of several pages. */
static void check_queue(enum bpf_map_type type)
{
	_close_ int fd = make(type, "waiting", 0, 8, 10), wide = make(type, "wide", 0, 8, 2000);
	uint64_t v;

	drain_as_captured(fd, 0);
	push(fd, 11, 3);
	drain_as_captured(fd, 3);
	push(fd, 20, 10);
	drain_as_captured(fd, 10);
	push(fd, 40, 17); /* the first seven make room */
	assert_int_equal(bpf_map_lookup_and_delete_elem(fd, NULL, &v), 0);
	drain_as_captured(fd, 9);
	push(wide, 1, 3500);
	drain_as_captured(wide, 2000);
}

static void queues_and_stacks_are_whole(void **state)
{
	check_queue(BPF_MAP_TYPE_QUEUE);
	check_queue(BPF_MAP_TYPE_STACK);
}

static uint64_t ring_number(const struct ksnap_map *m, const char *key)
{
	const msgpack_object *ring = object_get(map_row(m), "ringbuf");

	assert_non_null(ring);
	return object_get(ring, key)->via.u64;
}

static void check_ring(int fd, uint64_t produced, uint64_t consumed)
{
	struct ksnap_snapshot *s = rig_capture_fd(&rig, fd);
	const struct ksnap_map *m = only_map(s, fd, true);

	assert_int_equal(ring_number(m, "capacity"), 4096);
	assert_int_equal(ring_number(m, "producer"), produced);
	assert_int_equal(ring_number(m, "consumer"), consumed);
	assert_int_equal(ring_number(m, "pending"), produced - consumed);
	ksnap_snapshot_close(s);
}

static int count_record(void *ctx, void *data, size_t size)
{
	++*(int *)ctx;
	return 0;
}

static void rings_give_positions(void **state)
{
	const uint64_t each = 8 + sizeof(struct family_record);
	int fd = fd_of("ring"), seen = 0;
	struct ring_buffer *reader = ring_buffer__new(fd, count_record, &seen, NULL);

	assert_non_null(reader);
	check_ring(fd, FAMILY_RECORDS * each, 0);
	check_ring(fd, FAMILY_RECORDS * each, 0);
	assert_int_equal(ring_buffer__consume(reader), FAMILY_RECORDS);
	assert_int_equal(seen, FAMILY_RECORDS);
	check_ring(fd, FAMILY_RECORDS * each, FAMILY_RECORDS * each);
	ring_buffer__free(reader);
}

static void user_rings_give_positions(void **state)
{
	_close_ int fd = make(BPF_MAP_TYPE_USER_RINGBUF, "from_user", 0, 0, 4096);
	struct user_ring_buffer *writer = user_ring_buffer__new(fd, NULL);
	void *sample;

	assert_non_null(writer);
	check_ring(fd, 0, 0);
	sample = user_ring_buffer__reserve(writer, 16);
	assert_non_null(sample);
	user_ring_buffer__submit(writer, sample);
	check_ring(fd, 24, 0);
	user_ring_buffer__free(writer);
}

/* ---- stacks ----------------------------------------------------------------------------------
 */

static bool is_named(const msgpack_object *symbols, uint64_t addr)
{
	for (uint32_t i = 0; i < symbols->via.array.size; i++) {
		const msgpack_object *s = &symbols->via.array.ptr[i];

		if (object_get(s, "addr")->via.u64 == addr)
			return object_get(s, "name")->via.str.size > 0;
	}
	return false;
}

static int32_t global_number(const char *section, size_t at)
{
	uint32_t zero = 0;
	char value[64];

	assert_int_equal(bpf_map_lookup_elem(fd_of(section), &zero, value), 0);
	return *(int32_t *)(value + at);
}

static void stack_traces_are_named(void **state)
{
	int fd = fd_of("stacks");
	struct ksnap_snapshot *s = rig_capture_fd(&rig, fd);
	const struct ksnap_map *m = only_map(s, fd, true);
	const msgpack_object *symbols = object_get(map_row(m), "symbols");
	uint64_t frames[FAMILY_FRAMES];
	uint32_t id;

	assert_int_equal(ksnap_map_count(m), 1);
	id = key_at(m, 0);
	assert_int_equal(id, global_number(".data", 0));
	assert_int_equal(bpf_map_lookup_elem(fd, &id, frames), 0);
	check_bytes(m, frames, sizeof(frames));
	assert_non_null(symbols);
	for (int i = 0; i < FAMILY_FRAMES && frames[i]; i++) {
		assert_int_equal(value_at(m, 0, i ? "[1]" : "[0]"), frames[i ? 1 : 0]);
		assert_true(is_named(symbols, frames[i]));
	}
	ksnap_snapshot_close(s);
}

/* ---- struct_ops ------------------------------------------------------------------------------
 */

/* A congestion control's name is the host's: it gets this process's number. */
static struct bpf_object *load_mtcp(char name[16])
{
	size_t len;
	_free_ char *elf = rig_read_object("mtcp", &len);
	char *at = memmem(elf, len, "mt00000000", 11);
	struct bpf_object *obj;

	assert_non_null(at);
	snprintf(name, 16, "mt%08d", (int)getpid() % 100000000);
	memcpy(at, name, 11);
	obj = bpf_object__open_mem(elf, len, NULL);
	assert_non_null(obj);
	if (bpf_object__load(obj)) {
		bpf_object__close(obj);
		print_message("# struct_ops cannot be loaded here: %s\n", strerror(errno));
		skip();
	}
	return obj;
}

static void check_struct_ops(int fd, int64_t state, const char *name)
{
	struct ksnap_snapshot *s = rig_capture_fd(&rig, fd);
	const struct ksnap_map *m = only_map(s, fd, true);
	struct ksnap_value v, at;
	char text[32] = "";

	assert_int_equal(ksnap_map_count(m), 1);
	assert_int_equal(value_at(m, 0, "common.state"), state);
	assert_true(value_at(m, 0, "common.refcnt.refs.counter") >= !!state);
	assert_int_equal(ksnap_map_value(m, 0, &v, NULL), 0);
	assert_int_equal(ksnap_value_get(&v, "data.name", &at, NULL), 0);
	assert_true(ksnap_value_str(&at, text, sizeof(text), NULL) >= 0);
	assert_string_equal(text, name);
	ksnap_snapshot_close(s);
}

static void struct_ops_have_kernel_types(void **state)
{
	char name[16];
	struct bpf_object *obj = load_mtcp(name);
	struct bpf_map *map = bpf_object__find_map_by_name(obj, "mt_ops");
	struct bpf_link *link;

	check_struct_ops(bpf_map__fd(map), 0, "");
	link = bpf_map__attach_struct_ops(map);
	assert_non_null(link);
	check_struct_ops(bpf_map__fd(map), 1, name);
	bpf_link__destroy(link);
	bpf_object__close(obj);
}

/* ----------------------------------------------------------------------------------------------
 */

static int set_up(void **state)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	rig_open(&rig);
	families = rig_load_object("families");
	return bpf_prog_test_run_opts(prog_fd_of("fill"), &opts);
}

static int tear_down(void **state)
{
	bpf_object__close(families);
	rig_close(&rig);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bloom_filters_are_explained),
		cmocka_unit_test(arrays_of_maps_bring_their_maps),
		cmocka_unit_test(hashes_of_maps_bring_their_maps),
		cmocka_unit_test(denied_inner_maps_stay_out),
		cmocka_unit_test(prog_arrays_give_ids),
		cmocka_unit_test(devmaps_give_devices),
		cmocka_unit_test(cpumaps_give_queues),
		cmocka_unit_test(perf_event_arrays_give_events),
		cmocka_unit_test(cgroup_arrays_give_ids),
		cmocka_unit_test(xskmaps_give_sockets),
		cmocka_unit_test(reuseport_arrays_give_cookies),
		cmocka_unit_test(arenas_give_the_pages_they_have),
		cmocka_unit_test(queues_and_stacks_are_whole),
		cmocka_unit_test(rings_give_positions),
		cmocka_unit_test(user_rings_give_positions),
		cmocka_unit_test(stack_traces_are_named),
		cmocka_unit_test(struct_ops_have_kernel_types),
	};
	int cannot = rig_cannot_run();

	return cannot >= 0 ? cannot : cmocka_run_group_tests(tests, set_up, tear_down);
}
