// SPDX-License-Identifier: MIT
/* watch_live_test.c - every form of symbol watched on the running kernel, what cannot be watched
 * refused in words that help, and the end of a watch whose memory goes away.
 *
 * Needs the right to use BPF and perf; KSNAP_TEST_REQUIRE=bpf makes its absence a failure.
 */
#include "watched_rig.h"

#include <bpf/bpf.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "report/hit.h"

static struct bpf_object *obj;
static struct live_rig rig;
static uint64_t last_id;

static struct bpf_object *load_named(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "watched");
	struct bpf_object *o;
	size_t len;
	void *elf = rig_read_object("watched", &len);

	o = bpf_object__open_mem(elf, len, &opts);
	assert_non_null(o);
	assert_int_equal(bpf_object__load(o), 0);
	free(elf);
	return o;
}

static uint64_t write_with(const char *name, uint64_t times)
{
	return watched_write(obj, name, times);
}

static int arm(const char *symbol, unsigned len, struct watch_place *ret, struct ksnap_err *err)
{
	struct watch_request rq = {
		.id = ++last_id, .symbol = symbol, .len = len, .rate = 1000, .burst = 1000
	};

	return target_live.arm(rig.target, &rq, ret, err);
}

static struct watch_place must_arm(const char *symbol, unsigned len)
{
	struct watch_place place;
	struct ksnap_err err;

	if (arm(symbol, len, &place, &err))
		fail_msg("%s: %s", symbol, err.text);
	return place;
}

static struct watch_counts disarm(void)
{
	struct watch_counts c;
	struct ksnap_err err;

	if (target_live.disarm(rig.target, last_id, &c, &err))
		fail_msg("%s", err.text);
	return c;
}

static struct watch_news next_news(void)
{
	struct pollfd p = { .fd = target_live.watch_fd(rig.target), .events = POLLIN };
	struct watch_news n;

	while (!target_live.watch_next(rig.target, &n))
		assert_int_equal(poll(&p, 1, 60000), 1);
	return n;
}

static struct ksnap_hit next_hit(void)
{
	struct watch_news n = next_news();

	while (n.kind == WATCH_NEWS_COUNTED)
		n = next_news();
	return watched_hit(&n);
}

/* Of what others write as often as they like: that hits are suppressed is told, and known by the
 * next. */
static struct ksnap_hit next_hit_of_many(void)
{
	struct watch_news n = next_news();

	while (n.kind == WATCH_NEWS_COUNTED || n.kind == WATCH_NEWS_THROTTLED)
		n = next_news();
	return watched_hit(&n);
}

/* The function that wrote, as the next hit has it. */
static struct ksnap_frame next_writer(void)
{
	struct watch_news n = next_news();
	struct ksnap_frame frame = { 0 };
	msgpack_unpacked u;

	while (n.kind != WATCH_NEWS_HIT)
		n = next_news();
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, n.hit.p, n.hit.len, NULL), MSGPACK_UNPACK_SUCCESS);
	assert_true(hit_frame(&u.data, 0, &frame));
	msgpack_unpacked_destroy(&u);
	return frame;
}

/* Is one of the functions that led to the next hit called so? */
static bool next_stack_has(const char *begin)
{
	struct watch_news n = next_news();
	struct ksnap_frame frame = { 0 };
	msgpack_unpacked u;
	bool found = false;

	while (n.kind != WATCH_NEWS_HIT)
		n = next_news();
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, n.hit.p, n.hit.len, NULL), MSGPACK_UNPACK_SUCCESS);
	for (size_t i = 0; !found && hit_frame(&u.data, i, &frame); i++)
		found = !strncmp(frame.sym, begin, strlen(begin));
	msgpack_unpacked_destroy(&u);
	return found;
}

static const char *id_symbol_of(const struct bpf_object *o, const char *map, const char *rest)
{
	static char text[200];

	snprintf(text, sizeof(text), "id:%u%s", id_of(bpf_object__find_map_fd_by_name(o, map)),
		 rest);
	return text;
}

static const char *id_symbol(const char *map, const char *rest)
{
	return id_symbol_of(obj, map, rest);
}

static void watches_every_form(void **state)
{
	char address[32];
	const struct {
		const char *symbol, *writer;
		unsigned asked, len;
	} cases[] = {
		{ "watched_u64", "write_u64", 0, 8 },
		{ "watched:watched_u32", "write_u32", 0, 4 },
		{ "watched.bss:watched_u16", "write_u16", 0, 2 },
		{ "watched_u8", "write_u8", 0, 1 },
		{ "watched_u64", "write_u64", 4, 4 },
		{ "watched_rows[7].ctx.weight", "write_weight", 0, 4 },
		{ address, "write_u64", 0, 8 },
	};

	snprintf(address, sizeof(address), "0x%" PRIx64, write_with("write_u64", 0));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct watch_place place = must_arm(cases[i].symbol, cases[i].asked);
		struct ksnap_hit hit;

		assert_int_equal(place.len, cases[i].len);
		assert_int_equal(place.addr, write_with(cases[i].writer, 2));
		hit = next_hit();
		assert_int_equal(hit.addr, place.addr);
		assert_int_equal(hit.len, place.len);
		assert_int_equal((uint8_t)hit.new_value, (uint8_t)(hit.old_value + 1));
		assert_int_equal(hit.pid, getpid());
		hit = next_hit();
		assert_int_equal((uint8_t)hit.new_value, (uint8_t)(hit.old_value + 1));
		assert_int_equal(disarm().hits, 2);
	}
}

static void a_signed_number_is_told_as_one(void **state)
{
	struct ksnap_hit hit;

	must_arm("watched_s32", 0);
	write_with("write_s32", 1);
	hit = next_hit();
	assert_true(hit.is_signed);
	assert_int_equal((int32_t)hit.old_value, -5);
	assert_int_equal(hit.new_value, (uint32_t)-4);
	disarm();
	must_arm("watched_s32", 2); /* half of it has no sign */
	write_with("write_s32", 1);
	assert_false(next_hit().is_signed);
	disarm();
	must_arm("watched_u32", 0);
	write_with("write_u32", 1);
	assert_false(next_hit().is_signed);
	disarm();
}

/* What they are in can be watched by those who know it. */
static void a_bitfield_is_watched_with_a_len(void **state)
{
	struct watch_place place = must_arm("watched_bits.a", 1);

	assert_int_equal(place.len, 1);
	disarm();
}

/* Whoever switches tasks on CPU 0 writes this; it can hardly be still for a minute. Nobody else
 * does, one at a time: what is not told is counted, and known by the next hit that is. */
static void watches_a_variable_of_a_cpu(void **state)
{
	struct watch_place place;
	struct ksnap_hit hit, before;
	struct ksnap_err err;

	if (arm("per_cpu:runqueues@0.nr_switches", 0, &place, &err)) {
		assert_int_equal(err.code, KSNAP_E_UNSUPPORTED);
		print_message("# %s\n", err.text);
		skip();
	}
	assert_int_equal(place.len, 8);
	before = next_hit_of_many();
	for (int i = 0; i < 50; i++, before = hit) {
		uint64_t quiet, unseen;

		hit = next_hit_of_many();
		quiet = hit.suppressed - before.suppressed;
		unseen = hit.unseen - before.unseen;
		assert_int_equal(hit.cpu, 0);
		assert_int_equal(hit.new_value, before.new_value + quiet + 1);
		assert_int_equal(hit.new_value, hit.old_value + unseen + 1);
	}
	disarm();
	assert_int_equal(arm("per_cpu:runqueues@4000.nr_switches", 0, &place, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "per_cpu:runqueues@4000"));
	assert_int_equal(arm("per_cpu:runqueue@0.nr_switches", 0, &place, &err), KSNAP_E_NOTFOUND);
	assert_int_equal(arm("per_cpu:runqueues@0.nr_switched", 0, &place, &err), KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "nr_switches"));
}

static void refuses_what_cannot_be_watched(void **state)
{
	static const struct {
		const char *symbol;
		unsigned len;
		int code;
		const char *says;
	} cases[] = {
		{ "0x7f0000000000", 0, KSNAP_E_ARG, "no address of the kernel" },
		{ "0xffffffffff000001", 8, KSNAP_E_ARG, "multiple of 8" },
		{ "0xffffffffffff0000", 0, KSNAP_E_ARG, "nothing is mapped" },
		{ "watched_u8", 8, KSNAP_E_ARG, "has 1 bytes, not 8" },
		{ "watched_rows[7]", 0, KSNAP_E_ARG, "name a member" },
		{ "watched_rows[8].ctx.weight", 0, KSNAP_E_NOTFOUND, "watched_rows[8]" },
		{ "watched_rows[7].ctx.height", 0, KSNAP_E_NOTFOUND, "weight" },
		{ "watched_u65", 0, KSNAP_E_NOTFOUND, "watched_u64" },
		{ "watched_u64[3]", 0, KSNAP_E_ARG, "is no array" },
		{ "watched_u64.x[3].y", 0, KSNAP_E_ARG, "has no members" },
		{ "watched_u65[3]", 0, KSNAP_E_NOTFOUND, "no map has the name" },
		{ "watched_rows", 0, KSNAP_E_NOTFOUND, "watched_rows[KEY]" },
		{ "nobodys:watched_u64", 0, KSNAP_E_NOTFOUND, "watched.bss" },
		{ "object:", 0, KSNAP_E_ARG, "no name stands behind" },
		{ "watched_bits.a", 0, KSNAP_E_ARG, "watched_bits.a is a bitfield; name a len" },
		{ "watched_bits.c", 0, KSNAP_E_ARG, "watched_bits.c is a bitfield; name a len" },
		{ "schedule", 0, KSNAP_E_ARG, "is a function" },
		{ "", 0, KSNAP_E_ARG, "" },
	};
	struct watch_place place;
	struct ksnap_err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int code = arm(cases[i].symbol, cases[i].len, &place, &err);

		if (code != cases[i].code || !strstr(err.text, cases[i].says))
			fail_msg("%s: %d, '%s' should be %d, '%s'", cases[i].symbol, code, err.text,
				 cases[i].code, cases[i].says);
	}
}

/* The kernel frees maps some time after their last user is gone. */
static void close_and_wait(struct bpf_object *o)
{
	const char *const maps[] = { "watched_rows", "watched.bss" };
	uint32_t ids[2];
	int fd;

	for (int i = 0; i < 2; i++)
		ids[i] = id_of(bpf_object__find_map_fd_by_name(o, maps[i]));
	bpf_object__close(o);
	for (int i = 0; i < 2; i++) {
		while ((fd = bpf_map_get_fd_by_id(ids[i])) >= 0) {
			close(fd);
			sched_yield();
		}
	}
}

static void two_of_a_name_are_told_apart(void **state)
{
	struct bpf_object *twin = load_named();
	struct watch_place place;
	struct ksnap_err err;

	assert_int_equal(arm("watched_u64", 0, &place, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "id:"));
	place = must_arm(id_symbol("watched.bss", ":watched_u64"), 0);
	assert_int_equal(place.addr, write_with("write_u64", 3));
	assert_int_equal(disarm().hits, 3);
	close_and_wait(twin);
}

/* Another object with the program @name alone; its variables are its own, or, with @bss, those. */
static struct bpf_object *load_one(const char *name, int bss)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "watched");
	struct bpf_object *o;
	struct bpf_program *p;
	size_t len;
	void *elf = rig_read_object("watched", &len);

	o = bpf_object__open_mem(elf, len, &opts);
	free(elf);
	assert_non_null(o);
	bpf_object__for_each_program(p, o)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), name));
	if (bss >= 0)
		assert_int_equal(bpf_map__reuse_fd(bpf_object__find_map_by_name(o, ".bss"), bss),
				 0);
	assert_int_equal(bpf_object__load(o), 0);
	return o;
}

/* The kernel frees its code with it: the next one is put there. */
static void unload_one(struct bpf_object *o, const char *name, bool has_maps)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_program__fd(bpf_object__find_program_by_name(o, name));

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	if (has_maps)
		close_and_wait(o);
	else
		bpf_object__close(o);
	while ((fd = bpf_prog_get_fd_by_id(info.id)) >= 0) {
		close(fd);
		sched_yield();
	}
}

static const char *const late_writers[] = { "write_u32", "write_u16", "write_u8" };

static void expect_writer(struct bpf_object *o, const char *name)
{
	struct ksnap_frame frame;

	watched_write(o, name, 1);
	frame = next_writer();
	if (strncmp(frame.sym, "bpf_prog_", 9) || !strstr(frame.sym, name) ||
	    strstr(frame.sym, name)[strlen(name)] != '+')
		fail_msg("%s wrote, and it says '%s'", name, frame.sym);
}

/* They lie one where the other was, or behind it. */
static void a_program_that_is_loaded_later_is_named(void **state)
{
	must_arm("watched_u64", 0);
	write_with("write_u64", 1);
	next_writer();
	disarm();
	for (size_t i = 0; i < 3; i++) {
		struct bpf_object *o = load_one(late_writers[i], -1);
		char symbol[64];

		snprintf(symbol, sizeof(symbol), "id:%u:watched_%s",
			 id_of(bpf_object__find_map_fd_by_name(o, ".bss")), late_writers[i] + 6);
		must_arm(symbol, 0);
		expect_writer(o, late_writers[i]);
		disarm();
		unload_one(o, late_writers[i], true);
	}
}

static void a_program_that_takes_anothers_place_is_named(void **state)
{
	int bss = bpf_object__find_map_fd_by_name(obj, "watched.bss");

	must_arm("watched_u64", 0);
	write_with("write_u64", 1);
	next_writer();
	disarm();
	for (size_t i = 0; i < 3; i++) {
		struct bpf_object *o;
		char symbol[64];

		snprintf(symbol, sizeof(symbol), "id:%u:watched_%s", id_of(bss),
			 late_writers[i] + 6);
		must_arm(symbol, 0);
		o = load_one(late_writers[i], bss);
		expect_writer(o, late_writers[i]);
		unload_one(o, late_writers[i], false);
		expect_writer(obj, late_writers[i]);
		disarm();
	}
}

/* A congestion control, whose programs are called through trampolines. */
static struct bpf_object *load_control(char name[16])
{
	struct bpf_object *o;
	size_t len;
	char *elf = rig_read_object("congest", &len), *at;

	snprintf(name, 16, "ksnap_t_%06x",
		 (unsigned)(getpid() * 977u + clock_mono_ns()) & 0xffffff);
	at = memmem(elf, len, "ksnap_t_000000", strlen(name));
	assert_non_null(at);
	memcpy(at, name, strlen(name));
	o = bpf_object__open_mem(elf, len, NULL);
	free(elf);
	assert_non_null(o);
	assert_int_equal(bpf_object__load(o), 0);
	return o;
}

/* Send a byte over loopback, and have it acknowledged, under the control @name. */
static void send_under(const char *name)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int end = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(at);

	assert_int_equal(bind(listening, (void *)&at, len), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (void *)&at, &len), 0);
	assert_int_equal(setsockopt(end, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)), 0);
	assert_int_equal(connect(end, (void *)&at, len), 0);
	assert_int_equal(write(end, "", 1), 1);
	close(end);
	close(listening);
}

/* The newest BPF link; were any made behind @since that are none of watches? */
static uint32_t newest_link(uint32_t since, bool *ret_others)
{
	uint32_t id = since;

	*ret_others = false;
	while (!bpf_link_get_next_id(id, &id)) {
		struct bpf_link_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ||
		    info.type != BPF_LINK_TYPE_PERF_EVENT)
			*ret_others = true;
		if (fd >= 0)
			close(fd);
	}
	return id;
}

/* A trampoline is none of the kernel's own code; that something was watched since says nothing of
 * it. What others attach meanwhile does: names are looked for anew then, and not at once. */
static void a_trampoline_is_named_at_once(void **state)
{
	bool is_named, others;
	char name[16];
	struct bpf_object *o = load_control(name);
	struct bpf_link *link =
		bpf_map__attach_struct_ops(bpf_object__find_map_by_name(o, "congest"));

	assert_non_null(link);
	do {
		uint32_t since = newest_link(0, &others);

		rig_close(&rig); /* another one, which has read no names yet */
		rig_open(&rig);
		must_arm(id_symbol_of(o, ".bss", ":nr_asked"), 0);
		send_under(name);
		is_named = next_stack_has("bpf__tcp_congestion_ops");
		disarm();
		newest_link(since, &others);
	} while (!is_named && others);
	bpf_link__destroy(link);
	bpf_object__close(o);
	if (!is_named)
		fail_msg("the trampoline that calls it has no name");
}

static void a_deleted_element_ends_the_watch(void **state)
{
	int fd = bpf_object__find_map_fd_by_name(obj, "watched_rows");
	uint32_t key = 7;
	uint8_t row[20] = { 0 };
	struct watch_news n;

	must_arm("watched_rows[7].ctx.weight", 0);
	assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
	do {
		n = next_news();
	} while (n.kind != WATCH_NEWS_DISARMED);
	assert_string_equal(n.reason, "element_gone");
	put(fd, 7, row);
}

static void a_map_that_nobody_uses_ends_the_watch(void **state)
{
	struct watch_news n;

	must_arm("watched_u64", 0);
	bpf_object__close(obj);
	do {
		n = next_news();
	} while (n.kind != WATCH_NEWS_DISARMED);
	assert_string_equal(n.reason, "map_gone");
	obj = NULL;
}

/* Whoever had the registers before may have left such an object, which the kernel frees some time
 * after its last user is gone. */
static void wait_for_others(void)
{
	uint32_t id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(id);
		bool other = fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
			     !strcmp(info.name, "watched_rows");

		if (fd >= 0)
			close(fd);
		if (other) {
			id = 0;
			sched_yield();
		}
	}
}

static int set_up(void **state)
{
	uint8_t row[20] = { 0 };

	rig_hold_registers();
	wait_for_others();
	obj = load_named();
	put(bpf_object__find_map_fd_by_name(obj, "watched_rows"), 7, row);
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	rig_close(&rig);
	bpf_object__close(obj);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_cannot_be_watched),
		cmocka_unit_test(watches_every_form),
		cmocka_unit_test(a_signed_number_is_told_as_one),
		cmocka_unit_test(a_bitfield_is_watched_with_a_len),
		cmocka_unit_test(watches_a_variable_of_a_cpu),
		cmocka_unit_test(two_of_a_name_are_told_apart),
		cmocka_unit_test(a_program_that_is_loaded_later_is_named),
		cmocka_unit_test(a_program_that_takes_anothers_place_is_named),
		cmocka_unit_test(a_trampoline_is_named_at_once),
		cmocka_unit_test(a_deleted_element_ends_the_watch),
		cmocka_unit_test(a_map_that_nobody_uses_ends_the_watch),
	};
	int cannot = rig_cannot_run();

	return cannot >= 0 ? cannot : cmocka_run_group_tests(tests, set_up, tear_down);
}
