// SPDX-License-Identifier: MIT
/* map_change_test.c - maps that change, or go away, while they are captured, and odd ones that do
 * not: nothing hangs, nothing comes twice, what is not there is accounted for.
 *
 * Needs the right to use BPF; KSNAP_TEST_REQUIRE=bpf makes its absence a failure.
 */
#include "live_rig.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/bpf/families.h"

#define STEADY   500 /* keys that are always there, their values ever rewritten */
#define FLEETING 500 /* keys behind them that come and go */
#define CAPTURES 1000

static struct live_rig rig;
static struct bpf_object *families;

static int make_keyed(enum bpf_map_type type, uint32_t key_size, uint32_t value_size, uint32_t n,
		      uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	int fd = bpf_map_create(type, "changing", key_size, value_size, n, &opts);

	if (fd < 0)
		fail_msg("a map of type %d: %s", (int)type, strerror(errno));
	return fd;
}

static int make_plain(enum bpf_map_type type, uint32_t value_size, uint32_t n, uint32_t flags)
{
	return make_keyed(type, 4, value_size, n, flags);
}

/* A process that lives no longer than this one. */
static pid_t fork_to_change(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static const struct ksnap_map *first_map(struct ksnap_snapshot *s)
{
	assert_int_equal(ksnap_snapshot_map_count(s), 1);
	return ksnap_snapshot_map_at(s, 0);
}

static const void *bytes_at(const struct ksnap_map *m, size_t i, bool key)
{
	struct ksnap_value v;

	assert_int_equal(key ? ksnap_map_key(m, i, &v, NULL) : ksnap_map_value(m, i, &v, NULL), 0);
	return v.data;
}

/* ---- another process rewrites all of it ------------------------------------------------------
 */

/* Of a value, the upper half says the key and the lower one counts rewrites. */
static uint64_t value_of(uint32_t key, uint32_t round)
{
	return (uint64_t)key << 32 | round;
}

static void rewrite(int fd, uint32_t round)
{
	for (uint32_t key = 0; key < STEADY; key++) {
		uint64_t v = value_of(key, round);

		bpf_map_update_elem(fd, &key, &v, BPF_ANY);
	}
	for (uint32_t key = STEADY; key < STEADY + FLEETING; key++) {
		uint64_t v = value_of(key, round);

		if (round % 2)
			bpf_map_update_elem(fd, &key, &v, BPF_ANY);
		else
			bpf_map_delete_elem(fd, &key);
	}
}

struct rewriter {
	pid_t pid;
	atomic_uint *rounds; /* shared with the process */
};

static void start_rewriter(struct rewriter *w, int fd)
{
	w->rounds = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(w->rounds, MAP_FAILED);
	rewrite(fd, 1);
	w->pid = fork_to_change();
	if (!w->pid)
		for (uint32_t round = 2;; round++) {
			rewrite(fd, round);
			atomic_store(w->rounds, round);
		}
}

static void end_rewriter(struct rewriter *w)
{
	kill(w->pid, SIGKILL);
	assert_int_equal(waitpid(w->pid, NULL, 0), w->pid);
	munmap(w->rounds, 4096);
}

/* Every key at most once, with a value of its own; every steady key is there, or the map says that
 * it is not complete or, unless @is_exact, how many it missed. */
static void check_rewritten(struct ksnap_snapshot *s, const struct ksnap_map *m, bool is_exact)
{
	bool seen[STEADY + FLEETING] = { 0 };
	size_t steady = 0, missing = 0;

	for (size_t i = 0; i < ksnap_map_count(m); i++) {
		uint32_t key;
		uint64_t v;

		memcpy(&key, bytes_at(m, i, true), sizeof(key));
		memcpy(&v, bytes_at(m, i, false), sizeof(v));
		assert_true(key < STEADY + FLEETING);
		assert_false(seen[key]);
		assert_int_equal(v >> 32, key);
		seen[key] = true;
		steady += key < STEADY;
	}
	if (object_get(map_row(m), "missing"))
		missing = row_number(m, "missing");
	if (is_exact)
		assert_int_equal(missing, 0);
	if (ksnap_map_complete(m))
		assert_true(steady + missing >= STEADY);
	else
		assert_true(has_reason(s, "map_partial", "changing"));
	assert_true(row_number(m, "mono_end") >= row_number(m, "mono"));
}

/* So many captures, and no fewer rounds of the rewriter meanwhile; all complete when @always. */
static void capture_often(int fd, unsigned times, bool always, const struct rewriter *w)
{
	uint64_t deadline = in_a_minute();

	for (unsigned i = 0; i < times || atomic_load(w->rounds) < times; i++) {
		struct ksnap_snapshot *s = rig_capture_fd(&rig, fd);
		const struct ksnap_map *m = first_map(s);

		check_rewritten(s, m, always);
		assert_true(!always || ksnap_map_complete(m));
		ksnap_snapshot_close(s);
		assert_true(clock_mono_ns() < deadline);
	}
}

static void check_busy(enum bpf_map_type type, uint32_t flags, unsigned times, bool always)
{
	_close_ int fd = make_plain(type, 8, 2 * (STEADY + FLEETING), flags);
	struct rewriter w;

	start_rewriter(&w, fd);
	capture_often(fd, times, always, &w);
	end_rewriter(&w);
}

static void a_busy_hash_is_captured_a_thousand_times(void **state)
{
	check_busy(BPF_MAP_TYPE_HASH, 0, CAPTURES, true);
}

static void a_busy_hash_without_reserve_is_captured(void **state)
{
	check_busy(BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, 200, true);
}

static void a_busy_lru_hash_is_captured(void **state)
{
	check_busy(BPF_MAP_TYPE_LRU_HASH, 0, 200, false);
}

/* The trie's keys have a length in front; here all 32 bits of 4 bytes count. */
static void a_busy_trie_is_captured(void **state)
{
	_close_ int fd = make_keyed(BPF_MAP_TYPE_LPM_TRIE, 8, 4, 4000, BPF_F_NO_PREALLOC);
	pid_t pid;

	pid = fork_to_change();
	if (!pid)
		for (uint32_t i = 0;; i++) {
			uint32_t key[2] = { 32, i % 1000 };

			bpf_map_update_elem(fd, key, &i, BPF_ANY);
			key[1] = (i + 500) % 1000;
			bpf_map_delete_elem(fd, key);
		}
	for (unsigned n = 0; n < 100; n++) {
		struct ksnap_snapshot *s = rig_capture_fd(&rig, fd);
		const struct ksnap_map *m = first_map(s);
		bool seen[1000] = { 0 };

		for (size_t i = 0; i < ksnap_map_count(m); i++) {
			uint32_t key[2];

			memcpy(key, bytes_at(m, i, true), sizeof(key));
			assert_true(key[1] < 1000 && !seen[key[1]]);
			seen[key[1]] = true;
		}
		assert_int_equal(ksnap_map_complete(m), !has_reason(s, "map_partial", "changing"));
		ksnap_snapshot_close(s);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- maps that come and go -------------------------------------------------------------------
 */

struct maker {
	atomic_bool stop;
	atomic_uint made;
	char name[16];
};

static void *make_and_drop(void *arg)
{
	struct maker *k = arg;
	uint32_t key = 1;
	uint64_t v = 2;

	while (!atomic_load(&k->stop)) {
		int fd = bpf_map_create(BPF_MAP_TYPE_HASH, k->name, 4, 8, 10, NULL);

		bpf_map_update_elem(fd, &key, &v, BPF_ANY);
		close(fd);
		atomic_fetch_add(&k->made, 1);
	}
	return NULL;
}

/* A map that was listed and is gone is a reason; one that is read is whole. */
static void maps_that_go_away_are_told(void **state)
{
	struct maker k = { .stop = false };
	const char *pattern = k.name;
	uint64_t deadline = in_a_minute();
	pthread_t thread;

	snprintf(k.name, sizeof(k.name), "go_%d", (int)getpid());
	assert_int_equal(pthread_create(&thread, NULL, make_and_drop, &k), 0);
	for (unsigned i = 0; i < 200 || atomic_load(&k.made) < 200; i++) {
		struct ksnap_snapshot *s = rig_capture(&rig, &pattern, 1);
		bool gone = has_reason(s, "map_gone", k.name);
		bool none = has_reason(s, "no_match", k.name);

		assert_int_equal(ksnap_snapshot_complete(s), !gone && !none);
		for (size_t m = 0; m < ksnap_snapshot_map_count(s); m++)
			assert_true(ksnap_map_complete(ksnap_snapshot_map_at(s, m)));
		ksnap_snapshot_close(s);
		assert_true(clock_mono_ns() < deadline);
	}
	atomic_store(&k.stop, true);
	pthread_join(thread, NULL);
}

struct swapper {
	atomic_bool stop;
	atomic_uint swaps;
	int outer;
};

static void *swap_inner(void *arg)
{
	struct swapper *w = arg;
	uint32_t key = 0;

	while (!atomic_load(&w->stop)) {
		int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "swapped", 4, 8, 1, NULL);

		bpf_map_update_elem(w->outer, &key, &fd, BPF_ANY);
		close(fd);
		atomic_fetch_add(&w->swaps, 1);
	}
	return NULL;
}

/* Each inner id of a complete report has its row, once. */
static void check_inner_rows(const struct ksnap_snapshot *s, const struct ksnap_map *outer)
{
	const msgpack_object *inner = object_get(map_row(outer), "inner");

	for (uint32_t i = 0; i < inner->via.array.size; i++) {
		unsigned rows = 0;

		for (size_t m = 0; m < ksnap_snapshot_map_count(s); m++)
			rows += ksnap_map_id(ksnap_snapshot_map_at(s, m)) ==
				inner->via.array.ptr[i].via.u64;
		assert_true(rows <= 1);
		if (ksnap_snapshot_complete(s))
			assert_int_equal(rows, 1);
	}
}

static void inner_maps_that_are_swapped_are_told(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	_close_ int model = make_plain(BPF_MAP_TYPE_ARRAY, 8, 1, 0);
	struct swapper w = { .stop = false };
	uint64_t deadline = in_a_minute();
	pthread_t thread;

	opts.inner_map_fd = model;
	w.outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "swapping", 4, 4, 1, &opts);
	assert_true(w.outer >= 0);
	assert_int_equal(pthread_create(&thread, NULL, swap_inner, &w), 0);
	for (unsigned i = 0; i < 200 || atomic_load(&w.swaps) < 200; i++) {
		struct ksnap_snapshot *s = rig_capture_fd(&rig, w.outer);
		uint32_t last = 0;

		check_inner_rows(s, rig_map(s, w.outer));
		for (size_t m = 0; m < ksnap_snapshot_map_count(s); m++) {
			uint32_t id = ksnap_map_id(ksnap_snapshot_map_at(s, m));

			assert_true(id > last);
			last = id;
		}
		ksnap_snapshot_close(s);
		assert_true(clock_mono_ns() < deadline);
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	close(w.outer);
}

/* ---- other types -----------------------------------------------------------------------------
 */

/* Changes something once, in a thread of its own, over and over. */
struct churner {
	void (*change)(struct churner *c, uint32_t round);
	int fd;    /* the map */
	int owner; /* what is put into it */
	atomic_bool stop;
	atomic_uint rounds;
	pthread_t thread;
};

static void *churn(void *arg)
{
	struct churner *c = arg;

	for (uint32_t round = 0; !atomic_load(&c->stop); round++) {
		c->change(c, round);
		atomic_store(&c->rounds, round);
	}
	return NULL;
}

static void check_unique(const struct ksnap_map *m)
{
	for (size_t i = 0; i < ksnap_map_count(m); i++)
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(key_at(m, i), key_at(m, k));
}

/* Captured until it changed often enough: every key once, and never more than @most. */
static void capture_under(struct churner *c, size_t most, bool has_keys, bool always_whole)
{
	uint64_t deadline = in_a_minute();

	assert_int_equal(pthread_create(&c->thread, NULL, churn, c), 0);
	for (unsigned i = 0; i < 100 || atomic_load(&c->rounds) < 100; i++) {
		struct ksnap_snapshot *s = rig_capture_fd(&rig, c->fd);
		const struct ksnap_map *m = first_map(s);

		assert_true(ksnap_map_count(m) <= most);
		if (has_keys)
			check_unique(m);
		if (always_whole)
			assert_true(ksnap_snapshot_complete(s));
		ksnap_snapshot_close(s);
		assert_true(clock_mono_ns() < deadline);
	}
	atomic_store(&c->stop, true);
	pthread_join(c->thread, NULL);
}

static void push_and_pop(struct churner *c, uint32_t round)
{
	uint64_t v = round;

	if (round % 3 == 2)
		bpf_map_lookup_and_delete_elem(c->fd, NULL, &v);
	else
		bpf_map_update_elem(c->fd, NULL, &v, BPF_EXIST);
}

/* Two of three rounds are pushed, so that what waits are rounds with gaps of one at most. */
static void check_waiting(struct ksnap_snapshot *s, const struct ksnap_map *m, bool is_stack)
{
	uint64_t last = 0;

	for (size_t i = 0; i < ksnap_map_count(m) && ksnap_map_complete(m); i++) {
		uint64_t v, by;

		memcpy(&v, bytes_at(m, i, false), sizeof(v));
		by = is_stack ? last - v : v - last;
		assert_true(!i || (by >= 1 && (is_stack || by <= 2)));
		last = v;
	}
	if (!ksnap_map_complete(m))
		assert_true(has_reason(s, "map_partial", "changing"));
}

static void check_busy_queue(enum bpf_map_type type)
{
	struct churner c = { .change = push_and_pop };
	uint64_t deadline = in_a_minute();
	unsigned whole = 0;

	c.fd = make_keyed(type, 0, 8, 10, 0);
	assert_int_equal(pthread_create(&c.thread, NULL, churn, &c), 0);
	for (unsigned i = 0; i < CAPTURES || atomic_load(&c.rounds) < CAPTURES || !whole; i++) {
		struct ksnap_snapshot *s = rig_capture_fd(&rig, c.fd);
		const struct ksnap_map *m = first_map(s);

		assert_true(ksnap_map_count(m) <= 10);
		check_waiting(s, m, type == BPF_MAP_TYPE_STACK);
		whole += ksnap_map_complete(m);
		ksnap_snapshot_close(s);
		assert_true(clock_mono_ns() < deadline);
	}
	atomic_store(&c.stop, true);
	pthread_join(c.thread, NULL);
	close(c.fd);
}

static void queues_change(void **state)
{
	check_busy_queue(BPF_MAP_TYPE_QUEUE);
	check_busy_queue(BPF_MAP_TYPE_STACK);
}

static void put_and_drop(struct churner *c, uint32_t round)
{
	uint32_t key = round / 2 % 8;

	if (round % 2)
		bpf_map_delete_elem(c->fd, &key);
	else
		bpf_map_update_elem(c->fd, &key, &c->owner, BPF_ANY);
}

static void check_places(enum bpf_map_type type, int owner)
{
	struct churner c = { .change = put_and_drop, .owner = owner };

	assert_true(owner >= 0);
	c.fd = make_plain(type, 4, 8, 0);
	capture_under(&c, 8, true, true);
	close(c.fd);
	close(owner);
}

static void places_of_kernel_objects_change(void **state)
{
	struct bpf_program *p = bpf_object__find_program_by_name(families, "fill");
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_BPF_OUTPUT };

	check_places(BPF_MAP_TYPE_PROG_ARRAY, dup(bpf_program__fd(p)));
	check_places(BPF_MAP_TYPE_PERF_EVENT_ARRAY,
		     syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

static void open_with_note(struct churner *c, uint32_t round)
{
	struct family_note note = { round, "note" };
	_close_ int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	bpf_map_update_elem(c->fd, &sock, &note, BPF_ANY);
}

static void owning_sockets_come_and_go(void **state)
{
	struct churner c = { .change = open_with_note };

	c.fd = bpf_object__find_map_fd_by_name(families, "of_sockets");
	capture_under(&c, 100, true, rig_iterates("bpf_sk_storage_map"));
}

/* Storage of some files comes and goes, by all ways, that of the others is always there. */
#define STEADY_FILES 100

static void note_and_drop(struct churner *c, uint32_t round)
{
	struct family_note note = { 1000000, "note" };
	_close_ int file = memfd_create("fleeting", MFD_CLOEXEC);

	bpf_map_update_elem(c->fd, &file, &note, BPF_ANY);
	if (round % 2)
		bpf_map_delete_elem(c->fd, &file);
}

/* Every steady one once, or the report says that it is not whole. */
static void check_steady_files(struct ksnap_snapshot *s, const struct ksnap_map *m)
{
	unsigned seen[STEADY_FILES] = { 0 }, n = 0;

	for (size_t i = 0; i < ksnap_map_count(m); i++) {
		struct family_note note;

		memcpy(&note, bytes_at(m, i, false), sizeof(note));
		assert_true(note.number < STEADY_FILES || note.number == 1000000);
		if (note.number == 1000000)
			continue;
		assert_int_equal(seen[note.number]++, 0);
		n++;
	}
	assert_true(n == STEADY_FILES || has_reason(s, "map_partial", "of_inodes"));
	assert_int_equal(ksnap_map_complete(m), !has_reason(s, "map_partial", "of_inodes"));
}

static void owning_files_come_and_go(void **state)
{
	struct churner c = { .change = note_and_drop };
	uint64_t deadline = in_a_minute();
	int files[STEADY_FILES];
	unsigned whole = 0, restarted = 0;

	c.fd = bpf_object__find_map_fd_by_name(families, "of_inodes");
	for (unsigned i = 0; i < STEADY_FILES; i++) {
		struct family_note note = { i, "steady" };

		files[i] = memfd_create("steady", MFD_CLOEXEC);
		if (bpf_map_update_elem(c.fd, &files[i], &note, BPF_ANY))
			skip();
	}
	assert_int_equal(pthread_create(&c.thread, NULL, churn, &c), 0);
	for (unsigned i = 0; i < 300 || atomic_load(&c.rounds) < 1000 || !whole; i++) {
		struct ksnap_snapshot *s = rig_capture_fd(&rig, c.fd);

		check_steady_files(s, first_map(s));
		whole += ksnap_snapshot_complete(s);
		restarted += object_get(map_row(first_map(s)), "restarts") != NULL;
		ksnap_snapshot_close(s);
		assert_true(clock_mono_ns() < deadline);
	}
	atomic_store(&c.stop, true);
	pthread_join(c.thread, NULL);
	print_message("# %u captures were whole, %u began anew\n", whole, restarted);
	for (unsigned i = 0; i < STEADY_FILES; i++)
		close(files[i]);
}

static void *note_myself(void *arg)
{
	struct churner *c = arg;
	struct family_note note = { 1, "note" };
	_close_ int fd = syscall(SYS_pidfd_open, syscall(SYS_gettid), O_EXCL);

	if (fd >= 0)
		bpf_map_update_elem(c->fd, &fd, &note, BPF_ANY);
	return NULL;
}

static void run_with_note(struct churner *c, uint32_t round)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, note_myself, c))
		pthread_join(thread, NULL);
}

static void owning_threads_come_and_go(void **state)
{
	struct churner c = { .change = run_with_note };

	c.fd = bpf_object__find_map_fd_by_name(families, "of_tasks");
	capture_under(&c, 100, true, false);
}

/* ---- odd ones ---------------------------------------------------------------------------------
 */

static void a_value_of_a_mebibyte_is_whole(void **state)
{
	_close_ int fd = make_plain(BPF_MAP_TYPE_HASH, 1 << 20, 3, BPF_F_NO_PREALLOC);
	_free_ uint8_t *v = malloc(1 << 20);
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;
	uint32_t key = 9;

	assert_non_null(v);
	for (size_t i = 0; i < 1 << 20; i++)
		v[i] = i * 7 + i / 251;
	assert_int_equal(bpf_map_update_elem(fd, &key, v, BPF_ANY), 0);
	s = rig_capture_fd(&rig, fd);
	m = first_map(s);
	assert_true(ksnap_map_complete(m));
	assert_int_equal(ksnap_map_count(m), 1);
	assert_memory_equal(bytes_at(m, 0, false), v, 1 << 20);
	ksnap_snapshot_close(s);
}

static void check_empty(enum bpf_map_type type, uint32_t flags)
{
	_close_ int fd = make_keyed(type, type == BPF_MAP_TYPE_LPM_TRIE ? 8 : 4, 8, 100, flags);
	struct ksnap_snapshot *s = rig_capture_fd(&rig, fd);
	const struct ksnap_map *m = first_map(s);

	assert_true(ksnap_snapshot_complete(s));
	assert_int_equal(ksnap_map_count(m), 0);
	assert_null(object_get(map_row(m), "missing"));
	ksnap_snapshot_close(s);
}

static void empty_maps_are_complete(void **state)
{
	check_empty(BPF_MAP_TYPE_HASH, 0);
	check_empty(BPF_MAP_TYPE_LRU_HASH, 0);
	check_empty(BPF_MAP_TYPE_PERCPU_HASH, BPF_F_NO_PREALLOC);
	check_empty(BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC);
	check_empty(BPF_MAP_TYPE_DEVMAP_HASH, 0);
	check_empty(BPF_MAP_TYPE_SOCKHASH, 0);
	check_empty(BPF_MAP_TYPE_STACK_TRACE, 0);
}

static void maps_without_btf_have_no_types(void **state)
{
	_close_ int fd = make_plain(BPF_MAP_TYPE_ARRAY, 5, 3, 0);
	struct ksnap_snapshot *s = rig_capture_fd(&rig, fd);
	const struct ksnap_map *m = first_map(s);

	assert_true(ksnap_snapshot_complete(s));
	assert_null(object_get(map_row(m), "kt"));
	assert_null(object_get(map_row(m), "vt"));
	assert_int_equal(ksnap_map_count(m), 3);
	assert_memory_equal(bytes_at(m, 2, false), "\0\0\0\0\0", 5);
	ksnap_snapshot_close(s);
}

/* Large enough to be read through its mapping; values there are 8 bytes apart. */
static void check_mapped(uint32_t value_size, uint32_t n)
{
	_close_ int fd = make_plain(BPF_MAP_TYPE_ARRAY, value_size, n, BPF_F_MMAPABLE);
	_free_ uint8_t *v = calloc(1, value_size + 8), *want = calloc(1, value_size + 8);
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;

	for (uint32_t i = 0; i < n; i += 3) {
		memset(v, i % 251 + 1, value_size);
		assert_int_equal(bpf_map_update_elem(fd, &i, v, BPF_ANY), 0);
	}
	s = rig_capture_fd(&rig, fd);
	m = first_map(s);
	assert_true(ksnap_map_complete(m));
	assert_int_equal(ksnap_map_count(m), n);
	for (uint32_t i = 0; i < n; i++) {
		assert_memory_equal(bytes_at(m, i, true), &i, sizeof(i));
		assert_int_equal(bpf_map_lookup_elem(fd, &i, want), 0);
		assert_memory_equal(bytes_at(m, i, false), want, value_size);
	}
	ksnap_snapshot_close(s);
}

static void mapped_arrays_are_what_look_ups_give(void **state)
{
	check_mapped(12, 10000);
	check_mapped(64, 5000);
	check_mapped(1 << 20, 2);
	check_mapped(8, 10);
}

static int set_up(void **state)
{
	rig_open(&rig);
	families = rig_load_object("families");
	return 0;
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
		cmocka_unit_test(a_busy_hash_is_captured_a_thousand_times),
		cmocka_unit_test(a_busy_hash_without_reserve_is_captured),
		cmocka_unit_test(a_busy_lru_hash_is_captured),
		cmocka_unit_test(a_busy_trie_is_captured),
		cmocka_unit_test(maps_that_go_away_are_told),
		cmocka_unit_test(inner_maps_that_are_swapped_are_told),
		cmocka_unit_test(queues_change),
		cmocka_unit_test(places_of_kernel_objects_change),
		cmocka_unit_test(owning_sockets_come_and_go),
		cmocka_unit_test(owning_files_come_and_go),
		cmocka_unit_test(owning_threads_come_and_go),
		cmocka_unit_test(a_value_of_a_mebibyte_is_whole),
		cmocka_unit_test(empty_maps_are_complete),
		cmocka_unit_test(maps_without_btf_have_no_types),
		cmocka_unit_test(mapped_arrays_are_what_look_ups_give),
	};
	int cannot = rig_cannot_run();

	return cannot >= 0 ? cannot : cmocka_run_group_tests(tests, set_up, tear_down);
}
