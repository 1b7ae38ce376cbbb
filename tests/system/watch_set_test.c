// SPDX-License-Identifier: MIT
/* watch_set_test.c - debug registers of this machine on variables of a BPF program: what is told
 * is what was written, what is not told is counted, and every register comes back.
 *
 * Needs the right to use BPF and perf; KSNAP_TEST_REQUIRE=bpf makes its absence a failure.
 */
#include "watched_rig.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <msgpack.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/live/breakpoint.h"
#include "capture/live/watch_prog.h"
#include "capture/live/watch_set.h"
#include "tests/bpf/traps.h"

static struct bpf_object *obj;
static struct code_names code;
static struct btf_types *types;
static struct watch_set set;

/* Write @times with the program @name; gives the address. */
static uint64_t write_with(const char *name, uint64_t times)
{
	return watched_write(obj, name, times);
}

/* Write the u64 @times; how often this machine trapped that. */
static uint64_t write_and_count(uint64_t times)
{
	struct traps traps;
	uint64_t n;

	assert_int_equal(traps_begin(&traps, write_with("write_u64", 0)), 0);
	write_with("write_u64", times);
	n = traps_end(&traps);
	assert_true(traps_are_enough(n, times));
	return n;
}

static int arm(uint64_t id, uint64_t addr, unsigned len, unsigned rate, uint64_t max_hits,
	       struct ksnap_err *err)
{
	struct watch_request rq = {
		.id = id, .symbol = "test", .rate = rate, .burst = rate, .max_hits = max_hits
	};
	struct watch_memory at = { .addr = addr, .len = len };
	struct watch_place place;

	return watch_set_arm(&set, &rq, &at, NULL, NULL, NULL, &place, err);
}

static void must_arm(uint64_t id, uint64_t addr, unsigned len, unsigned rate, uint64_t max_hits)
{
	struct ksnap_err err;

	if (arm(id, addr, len, rate, max_hits, &err))
		fail_msg("%s", err.text);
}

static struct watch_counts disarm(uint64_t id)
{
	struct watch_counts c;
	struct ksnap_err err;

	if (watch_set_disarm(&set, id, &c, &err))
		fail_msg("%s", err.text);
	return c;
}

/* Wait for the next news. */
static struct watch_news next_news(void)
{
	struct pollfd p = { .fd = set.epoll, .events = POLLIN };
	struct watch_news n;

	while (!watch_set_next(&set, &n))
		assert_int_equal(poll(&p, 1, 60000), 1);
	return n;
}

static msgpack_object get(const msgpack_object *map, const char *key)
{
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];

		if (kv->key.via.str.size == strlen(key) &&
		    !memcmp(kv->key.via.str.ptr, key, strlen(key)))
			return kv->val;
	}
	fail_msg("the hit has no %s", key);
	return (msgpack_object){ 0 };
}

static uint64_t bytes_number(msgpack_object o)
{
	uint64_t v = 0;

	assert_int_equal(o.type, MSGPACK_OBJECT_BIN);
	memcpy(&v, o.via.bin.ptr, o.via.bin.size);
	return v;
}

/* Of the page of variables that is mapped here, too. */
static uint64_t value_of(uint64_t addr)
{
	int bss = bpf_object__find_map_fd_by_name(obj, ".bss");
	size_t page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, page, PROT_READ, MAP_SHARED, bss, 0);
	uint64_t v;

	assert_true(p != MAP_FAILED);
	memcpy(&v, p + addr % page, sizeof(v));
	munmap(p, page);
	return v;
}

/* What the kernel's helper says, which is asked first. */
static uint64_t cgroup_by_helper(const msgpack_object *hit)
{
	static uint64_t id;

	if (!set.types)
		id = get(hit, "cgroup").via.u64;
	assert_true(id);
	return id;
}

static void assert_text(msgpack_object o, const char *text)
{
	assert_int_equal(o.type, MSGPACK_OBJECT_STR);
	assert_int_equal(o.via.str.size, strlen(text));
	assert_memory_equal(o.via.str.ptr, text, o.via.str.size);
}

static void hits_say_old_and_new_and_who(void **state)
{
	uint64_t addr = write_with("write_u64", 0);
	struct watch_request rq = { .id = 1, .symbol = "test", .rate = 1000, .burst = 1000 };
	struct watch_memory at = { .addr = addr, .len = 8, .now = value_of(addr) };
	struct watch_place place;

	assert_int_equal(watch_set_arm(&set, &rq, &at, NULL, NULL, NULL, &place, NULL), 0);
	assert_int_equal(prctl(PR_SET_NAME, "who writes?"), 0);
	write_with("write_u64", 5);
	assert_int_equal(prctl(PR_SET_NAME, program_invocation_short_name), 0);
	for (unsigned i = 1; i <= 5; i++) {
		struct watch_news n = next_news();
		msgpack_unpacked u;
		msgpack_object hit;

		msgpack_unpacked_init(&u);
		assert_int_equal(n.kind, WATCH_NEWS_HIT);
		assert_int_equal(n.n, i);
		assert_int_equal(msgpack_unpack_next(&u, n.hit.p, n.hit.len, NULL),
				 MSGPACK_UNPACK_SUCCESS);
		hit = u.data;
		assert_int_equal(bytes_number(get(&hit, "new")),
				 bytes_number(get(&hit, "old")) + 1);
		assert_int_equal(get(&hit, "pid").via.u64, getpid());
		assert_int_equal(get(&hit, "tid").via.u64, gettid());
		assert_int_equal(get(&hit, "cgroup").via.u64, cgroup_by_helper(&hit));
		assert_text(get(&hit, "comm"), "who writes?");
		assert_int_equal(get(&hit, "addr").via.u64, addr);
		assert_true(get(&hit, "stack").via.array.size > 2);
		assert_true(get(&hit, "regs").via.map.size == WATCH_REGS);
		msgpack_unpacked_destroy(&u);
	}
	assert_int_equal(disarm(1).hits, 5);
}

#define FLOOD 50000

/* The counts at the end of the watch @id, after @told hits are read. A machine that needs a second
 * for the traps of a flood has ended it as hot by now; no count is less exact for that. */
static struct watch_counts end_of_flood(uint64_t id, uint64_t *told)
{
	struct watch_news n;

	while (watch_set_next(&set, &n)) {
		*told += n.kind == WATCH_NEWS_HIT;
		assert_in_range(n.counts.hits, *told, FLOOD);
		if (n.kind == WATCH_NEWS_DISARMED) {
			assert_string_equal(n.reason, "hot");
			return n.counts;
		}
	}
	return disarm(id);
}

static void a_flood_is_counted_exactly(void **state)
{
	uint64_t addr = write_with("write_u64", 0), told = 0, traps;
	struct pollfd timer = { .fd = set.timer, .events = POLLIN };
	struct watch_counts c;

	must_arm(2, addr, 8, 20, 0);
	traps = write_and_count(FLOOD);
	assert_int_equal(poll(&timer, 1, 60000), 1); /* it looks after its counts now */
	c = end_of_flood(2, &told);
	assert_int_equal(c.hits, traps);
	assert_int_equal(c.told, told);
	assert_int_equal(c.suppressed, traps - told);
	assert_in_range(told, 1, 1000);
}

static void a_flood_ends_the_watch_as_hot(void **state)
{
	uint64_t addr = write_with("write_u64", 0), traps = 0;
	struct watch_news n;
	bool throttled = false;

	assert_true(watch_prog_trap_ns(set.prog) > 0);
	must_arm(3, addr, 8, 20, 0);
	for (;;) {
		traps += write_and_count(20000);
		while (watch_set_next(&set, &n) && n.kind != WATCH_NEWS_DISARMED)
			throttled |= n.kind == WATCH_NEWS_THROTTLED;
		if (n.kind == WATCH_NEWS_DISARMED)
			break;
	}
	assert_string_equal(n.reason, "hot");
	assert_int_equal(n.counts.hits, traps);
	assert_int_equal(n.counts.told + n.counts.suppressed, traps);
	assert_true(throttled);
	assert_int_equal(watch_set_counts(&set, 3, &n.counts, NULL), KSNAP_E_NOTFOUND);
}

static void max_hits_ends_the_watch(void **state)
{
	uint64_t addr = write_with("write_u64", 0);
	struct watch_news n;

	must_arm(4, addr, 8, 1000, 3);
	write_with("write_u64", 10);
	for (unsigned i = 1; i <= 3; i++) {
		n = next_news();
		assert_int_equal(n.kind, WATCH_NEWS_HIT);
	}
	n = next_news();
	assert_int_equal(n.kind, WATCH_NEWS_DISARMED);
	assert_string_equal(n.reason, "max_hits");
	assert_int_equal(n.counts.hits, 10);
	assert_int_equal(n.counts.told, 3);
	assert_int_equal(n.counts.suppressed, 7);
}

/* ---- what the program does not see ----------------------------------------------------------- */

#define FAULTS 300

/* Run the program @name at each page that this thread touches first; the event. */
static int run_at_faults(const char *name)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.sample_period = 1,
		.exclude_kernel = 1,
		.disabled = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);

	assert_true(fd >= 0);
	assert_non_null(p);
	assert_int_equal(ioctl(fd, PERF_EVENT_IOC_SET_BPF, bpf_program__fd(p)), 0);
	return fd;
}

/* How often @fd counted while as many pages were touched. */
static uint64_t touch_pages(int fd, size_t pages)
{
	size_t page = sysconf(_SC_PAGESIZE), len = pages * page;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t before, after;

	assert_true(p != MAP_FAILED);
	assert_int_equal(madvise(p, len, MADV_NOHUGEPAGE), 0);
	assert_int_equal(read(fd, &before, sizeof(before)), sizeof(before));
	assert_int_equal(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0), 0);
	for (size_t i = 0; i < pages; i++)
		((volatile char *)p)[i * page] = 1;
	assert_int_equal(ioctl(fd, PERF_EVENT_IOC_DISABLE, 0), 0);
	assert_int_equal(read(fd, &after, sizeof(after)), sizeof(after));
	munmap(p, len);
	assert_true(after - before >= pages);
	return after - before;
}

static struct ksnap_hit next_hit(void)
{
	struct watch_news n = next_news();

	while (n.kind == WATCH_NEWS_COUNTED || n.kind == WATCH_NEWS_THROTTLED)
		n = next_news();
	return watched_hit(&n);
}

/* Stay on the CPU that this runs on; what was allowed before. */
static cpu_set_t stay_here(void)
{
	cpu_set_t was, one;

	assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	return was;
}

/* On one CPU: another one's are known when a hit is told there, and in the end. */
static void what_the_program_cannot_see_is_counted(void **state)
{
	uint64_t addr = write_with("write_u64", 0), unseen = 0, n;
	int fd = run_at_faults("write_for_perf");
	cpu_set_t was = stay_here();
	struct ksnap_hit before, after;
	struct watch_counts c;

	must_arm(40, addr, 8, 1000, 0);
	for (int round = 0; round < 3; round++) {
		write_with("write_u64", 1);
		before = next_hit();
		n = touch_pages(fd, FAULTS);
		write_with("write_u64", 1);
		after = next_hit();
		assert_int_equal(before.unseen, unseen);
		unseen += n;
		assert_int_equal(after.new_value, before.new_value + n + 1);
		assert_int_equal(after.old_value, before.new_value);
		assert_int_equal(after.unseen, unseen);
		assert_int_equal(after.suppressed, unseen);
	}
	c = disarm(40);
	assert_int_equal(c.hits, unseen + 6);
	assert_int_equal(c.suppressed, unseen);
	assert_int_equal(c.unseen, unseen);
	close(fd);
	assert_int_equal(sched_setaffinity(0, sizeof(was), &was), 0);
}

static void what_was_never_seen_is_in_the_end(void **state)
{
	int fd = run_at_faults("write_for_perf");
	struct watch_counts c;
	uint64_t n;

	must_arm(41, write_with("write_u64", 0), 8, 1000, 0);
	n = touch_pages(fd, FAULTS);
	assert_int_equal(watch_set_counts(&set, 41, &c, NULL), 0);
	assert_int_equal(c.hits, n);
	assert_int_equal(c.unseen, n);
	c = disarm(41);
	assert_int_equal(c.hits, n);
	assert_int_equal(c.told, 0);
	assert_int_equal(c.suppressed, n);
	assert_int_equal(c.unseen, n);
	close(fd);
}

static void only_the_rate_is_no_reason_to_be_unseen(void **state)
{
	struct watch_counts c;
	uint64_t traps;

	must_arm(42, write_with("write_u64", 0), 8, 10, 0);
	traps = write_and_count(2000);
	c = disarm(42);
	assert_int_equal(c.hits, traps);
	assert_int_equal(c.unseen, 0);
}

/* The man page says so, too: a register compares the address that was used, and a CPU has its
 * registers off while it does what one of them asked for. */
static void what_no_register_sees(void **state)
{
	int bss = bpf_object__find_map_fd_by_name(obj, ".bss");
	uint64_t addr = write_with("write_u64", 0), other = write_with("write_u32", 0), was;
	struct breakpoint_spec spec = { .addr = other, .len = 4 };
	size_t page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, bss, 0);
	volatile uint64_t *mapped = (void *)(p + addr % page);
	struct breakpoint bp;
	struct ksnap_err err;

	assert_true(p != MAP_FAILED);
	must_arm(43, addr, 8, 1000, 0);
	was = *mapped;
	*mapped = was + 1;
	assert_int_equal(disarm(43).hits, 0);

	spec.prog_fd = bpf_program__fd(bpf_object__find_program_by_name(obj, "write_for_perf"));
	must_arm(44, addr, 8, 1000, 0);
	if (breakpoint_open(&bp, &spec, &err))
		fail_msg("%s", err.text);
	write_with("write_u32", 5);
	breakpoint_close(&bp);
	assert_int_equal(disarm(44).hits, 0);
	assert_int_equal(*mapped, was + 6);
	munmap(p, page);
}

static void all_widths_are_watched(void **state)
{
	static const struct {
		const char *writer;
		unsigned len;
	} rows[] = {
		{ "write_u32", 4 }, { "write_u16", 2 }, { "write_u8", 1 }, { "write_weight", 4 }
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		must_arm(10 + i, write_with(rows[i].writer, 0), rows[i].len, 1000, 0);
		write_with(rows[i].writer, 7);
		assert_int_equal(disarm(10 + i).hits, 7);
	}
}

static void four_registers_and_no_fifth(void **state)
{
	static const char *const writers[] = { "write_u64", "write_u32", "write_u16", "write_u8" };
	uint64_t weight = write_with("write_weight", 0);
	struct ksnap_err err;

	for (int round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 4; i++)
			must_arm(20 + i, write_with(writers[i], 0), 8 >> i, 10, 0);
		assert_int_equal(arm(24, weight, 4, 10, 0, &err), KSNAP_E_LIMIT);
		assert_non_null(strstr(err.text, "no free debug register"));
		assert_non_null(strstr(err.text, "watch_set_test"));
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(disarm(20 + i).hits, 0);
	}
}

static void what_is_not_armed_is_not_found(void **state)
{
	struct watch_counts c;
	struct ksnap_err err;

	assert_int_equal(watch_set_disarm(&set, 99, &c, &err), KSNAP_E_NOTFOUND);
	assert_int_equal(watch_set_counts(&set, 99, &c, &err), KSNAP_E_NOTFOUND);
}

static const char *gone_word;
static int released;

static const char *is_gone(void *arg)
{
	return gone_word;
}

static void on_release(void *arg)
{
	released++;
}

static void what_goes_away_ends_the_watch(void **state)
{
	struct watch_request rq = { .id = 30, .symbol = "test", .rate = 10, .burst = 10 };
	struct watch_memory at = { .addr = write_with("write_u64", 0), .len = 8 };
	struct watch_place place;
	struct watch_news n;

	assert_int_equal(watch_set_arm(&set, &rq, &at, is_gone, on_release, NULL, &place, NULL), 0);
	assert_int_equal(place.addr, at.addr);
	gone_word = "map_gone";
	n = next_news();
	assert_int_equal(n.kind, WATCH_NEWS_DISARMED);
	assert_string_equal(n.reason, "map_gone");
	assert_int_equal(released, 1);
}

/* The last writer of what has gone is whom one asks for. */
static void hits_before_the_end_are_told(void **state)
{
	struct watch_request rq = { .id = 31, .symbol = "test", .rate = 10, .burst = 10 };
	struct watch_memory at = { .addr = write_with("write_u64", 0), .len = 8 };
	struct pollfd timer = { .fd = set.timer, .events = POLLIN };
	struct watch_place place;
	struct watch_news n;

	gone_word = "map_gone";
	assert_int_equal(watch_set_arm(&set, &rq, &at, is_gone, NULL, NULL, &place, NULL), 0);
	write_with("write_u64", 3);
	assert_int_equal(poll(&timer, 1, 60000), 1); /* both are known at once */
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(watch_set_next(&set, &n), 1);
		assert_int_equal(n.kind, WATCH_NEWS_HIT);
		assert_int_equal(n.n, i);
	}
	assert_int_equal(watch_set_next(&set, &n), 1);
	assert_int_equal(n.kind, WATCH_NEWS_DISARMED);
	assert_string_equal(n.reason, "map_gone");
	assert_int_equal(n.counts.hits, 3);
	assert_int_equal(n.counts.told, 3);
	assert_int_equal(n.counts.suppressed, 0);
}

static uint32_t program_bytes(const struct watch_set *s)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(watch_prog_fd(s->prog), &info, &len), 0);
	return info.xlated_prog_len;
}

/* Else all the tests of one kind would be of the other. */
static void the_kernels_types_make_another_program(void **state)
{
	struct watch_set plain, typed;
	struct ksnap_err err;

	if (!btf_types_load(types, BTF_OF_KERNEL, NULL))
		skip();
	if (watch_set_init(&plain, &code, NULL, &err) || watch_set_prepare(&plain, &err) ||
	    watch_set_init(&typed, &code, types, &err) || watch_set_prepare(&typed, &err))
		fail_msg("%s", err.text);
	assert_int_not_equal(program_bytes(&plain), program_bytes(&typed));
	watch_set_fini(&plain);
	watch_set_fini(&typed);
}

static void begin_set(struct btf_types *t)
{
	struct ksnap_err err;

	if (watch_set_init(&set, &code, t, &err))
		fail_msg("%s", err.text);
}

/* The same once more, by a program that looks into the kernel's structures. */
static int use_types(void **state)
{
	gone_word = NULL;
	released = 0;
	if (set.types)
		return 0;
	watch_set_fini(&set);
	begin_set(types);
	return 0;
}

static int set_up(void **state)
{
	uint32_t key = 7;
	uint8_t row[20] = { 0 };
	struct ksnap_err err;

	rig_hold_registers();
	obj = rig_load_object("watched");
	put(bpf_object__find_map_fd_by_name(obj, "watched_rows"), key, row);
	types = btf_types_create(&err);
	if (!types || code_names_read(&code, &err))
		fail_msg("%s", err.text);
	begin_set(NULL);
	return 0;
}

static int tear_down(void **state)
{
	watch_set_fini(&set);
	code_names_fini(&code);
	btf_types_destroy(types);
	bpf_object__close(obj);
	return 0;
}

#define BY_TYPES(test)                                          \
	{                                                       \
#test ", by types", test, use_types, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_armed_is_not_found),
		cmocka_unit_test(hits_say_old_and_new_and_who),
		cmocka_unit_test(a_flood_is_counted_exactly),
		cmocka_unit_test(a_flood_ends_the_watch_as_hot),
		cmocka_unit_test(max_hits_ends_the_watch),
		cmocka_unit_test(what_the_program_cannot_see_is_counted),
		cmocka_unit_test(what_was_never_seen_is_in_the_end),
		cmocka_unit_test(only_the_rate_is_no_reason_to_be_unseen),
		cmocka_unit_test(what_no_register_sees),
		cmocka_unit_test(all_widths_are_watched),
		cmocka_unit_test(four_registers_and_no_fifth),
		cmocka_unit_test(what_goes_away_ends_the_watch),
		cmocka_unit_test(hits_before_the_end_are_told),
		cmocka_unit_test(the_kernels_types_make_another_program),
		BY_TYPES(hits_say_old_and_new_and_who),
		BY_TYPES(a_flood_is_counted_exactly),
		BY_TYPES(what_the_program_cannot_see_is_counted),
		BY_TYPES(what_was_never_seen_is_in_the_end),
		BY_TYPES(only_the_rate_is_no_reason_to_be_unseen),
		BY_TYPES(what_goes_away_ends_the_watch),
	};
	int cannot = rig_cannot_run();

	return cannot >= 0 ? cannot : cmocka_run_group_tests(tests, set_up, tear_down);
}
