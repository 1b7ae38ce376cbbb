// SPDX-License-Identifier: MIT
/* bpf_place_test.c - symbols find their bytes in live maps: what user space wrote is read there,
 * what is written there user space sees, and the kernel has it at the address that is told.
 *
 * Needs the right to use BPF; KSNAP_TEST_REQUIRE=bpf makes its absence a failure.
 */
#include "live_rig.h"

#include <bpf/bpf.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/live/bpf_place.h"
#include "capture/live/kernel_read.h"
#include "capture/live/live.h"
#include "tests/bpf/shapes_fill.h"

static struct bpf_object *object;
static struct live_rig rig;

static int fd_of(const char *map)
{
	int fd = bpf_object__find_map_fd_by_name(object, map);

	if (fd < 0)
		fail_msg("shapes has no map %s", map);
	return fd;
}

/* @format has the id of @map at its %u: names are not unique on a host. */
static int find_in(const char *map, const char *format, struct bpf_place *ret,
		   struct ksnap_err *err)
{
	struct symbol s;
	char text[256];

	snprintf(text, sizeof(text), format, id_of(fd_of(map)));
	if (symbol_parse(text, &s, err))
		return err->code;
	return bpf_place_find(rig.target, &s, ret, err);
}

static struct bpf_place place(const char *map, const char *format)
{
	struct ksnap_err err = { 0 };
	struct bpf_place p;

	if (find_in(map, format, &p, &err))
		fail_msg("%s: %s", format, err.text);
	return p;
}

static uint64_t read_number(const struct bpf_place *p)
{
	struct ksnap_err err = { 0 };
	uint64_t n = 0;

	if (bpf_place_read(p, 0, p->len, &n, &err))
		fail_msg("%s", err.text);
	return n;
}

static uint64_t number_of(const char *map, const char *format)
{
	struct bpf_place p = place(map, format);

	return read_number(&p);
}

static void write_number(const struct bpf_place *p, uint64_t n)
{
	struct ksnap_err err = { 0 };

	if (bpf_place_write(p, 0, p->len, &n, &err))
		fail_msg("%s", err.text);
}

/* ---- finding --------------------------------------------------------------------------------- */

static void misses_say_why(void **state)
{
	static const struct {
		const char *map, *format;
		int code;
		const char *says;
	} cases[] = {
		{ "tasks", "id:%u[3].weigth", KSNAP_E_NOTFOUND, "there are: weight, cpu, state" },
		{ "tasks", "id:%u[3].stat.hist[4]", KSNAP_E_ARG, "4 elements" },
		{ "tasks", "id:%u[3].stat.hist.x", KSNAP_E_ARG, "no members" },
		{ "tasks", "id:%u[3].weight[0]", KSNAP_E_ARG, "no array" },
		{ "tasks", "id:%u[3].weight.x", KSNAP_E_ARG, "no members" },
		{ "tasks", "id:%u[3].flags.x", KSNAP_E_ARG, "a bit field" },
		{ "tasks", "id:%u[3].parent.cpu", KSNAP_E_ARG, "is a pointer" },
		{ "tasks", "id:%u[comm].weight", KSNAP_E_ARG, "is no number" },
		{ "tasks", "id:%u[4294967296]", KSNAP_E_ARG, "is too large" },
		{ "tasks", "id:%u[-2147483649]", KSNAP_E_ARG, "is too small" },
		{ "tasks", "id:%u[hex:0000]", KSNAP_E_ARG, "another length" },
		{ "tasks", "id:%u[3][cpu=0]", KSNAP_E_ARG, "leave out [cpu=N]" },
		{ "tasks", "id:%u:x", KSNAP_E_NOTFOUND, "no BPF global" },
		{ "pairs", "id:%u[3]", KSNAP_E_ARG, "given as hex:" },
		{ "cpu_array", "id:%u[3].n", KSNAP_E_ARG, "say which, [cpu=N]" },
		{ "cpu_array", "id:%u[3][cpu=100000].n", KSNAP_E_ARG, "CPUs are 0 to" },
		{ "ring", "id:%u[3]", KSNAP_E_UNSUPPORTED, "cannot be reached" },
		{ ".bss", "id:%u:nr_touchd", KSNAP_E_NOTFOUND, ":nr_touched" },
		{ ".bss", "nothing_of_this_name_%u", KSNAP_E_NOTFOUND, "no BPF global" },
		{ ".bss", "nothing_of_this_name_%u[3].x", KSNAP_E_NOTFOUND, "no map" },
		{ ".bss", "0x%u", KSNAP_E_ARG, "nothing in a BPF map" },
	};
	struct ksnap_err err;
	struct bpf_place p;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (find_in(cases[i].map, cases[i].format, &p, &err) != cases[i].code)
			fail_msg("%s: %d, %s", cases[i].format, err.code, err.text);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: %s", cases[i].format, err.text);
	}
}

/* The kernel lets a map go a moment after its last descriptor. */
static void wait_until_gone(uint32_t id)
{
	int fd;

	while ((fd = bpf_map_get_fd_by_id(id)) >= 0)
		close(fd);
}

static struct bpf_object *load_twin(void)
{
	char name[16];
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);
	size_t len;
	_free_ void *elf = rig_read_object("shapes", &len);
	struct bpf_object *twin;

	snprintf(name, sizeof(name), "tw%u", (unsigned)getpid() % 1000000);
	twin = bpf_object__open_mem(elf, len, &opts);
	assert_non_null(twin);
	assert_int_equal(bpf_object__load(twin), 0);
	return twin;
}

static void parse_twins(const char *rest, struct symbol *ret)
{
	char text[64];

	snprintf(text, sizeof(text), "tw%u%s", (unsigned)getpid() % 1000000, rest);
	assert_int_equal(symbol_parse(text, ret, NULL), 0);
}

static void a_name_of_two_is_refused_with_both(void **state)
{
	struct bpf_object *twins[] = { load_twin(), load_twin() };
	struct ksnap_err err = { 0 };
	struct bpf_place p;
	struct symbol s;
	char want[64];
	uint32_t id = id_of(bpf_object__find_map_fd_by_name(twins[1], ".bss"));

	parse_twins(".bss:nr_touched", &s);
	assert_int_equal(bpf_place_find(rig.target, &s, &p, &err), KSNAP_E_ARG);
	for (int i = 0; i < 2; i++) {
		int fd = bpf_object__find_map_fd_by_name(twins[i], ".bss");

		snprintf(want, sizeof(want), "id:%u:nr_touched", id_of(fd));
		if (!strstr(err.text, want))
			fail_msg("%s is not named: %s", want, err.text);
	}
	assert_int_equal(symbol_parse("tasks[3]", &s, NULL), 0);
	assert_int_equal(bpf_place_find(rig.target, &s, &p, &err), KSNAP_E_ARG);
	bpf_object__close(twins[1]);
	wait_until_gone(id);
	for (int i = 0; i < 2; i++) {
		parse_twins(i ? ":stat.hist" : ":edge.to", &s);
		assert_int_equal(bpf_place_find(rig.target, &s, &p, &err),
				 i ? KSNAP_E_NOTFOUND : 0);
		if (!i)
			assert_true(read_number(&p) == 9);
	}
	bpf_object__close(twins[0]);
}

static void knows_widths(void **state)
{
	static const struct {
		const char *format;
		uint64_t offset, size;
		uint32_t len;
		bool is_signed, is_bitfield;
	} cases[] = {
#define TASK(m, len) offsetof(struct shape_task, m), sizeof(((struct shape_task *)0)->m), len
		{ "id:%u[3].weight", TASK(weight, 8), false, false },
		{ "id:%u[3].cpu", TASK(cpu, 4), false, false },
		{ "id:%u[3].delta", TASK(delta, 2), true, false },
		{ "id:%u[3].active", TASK(active, 1), false, false },
		{ "id:%u[3].comm", TASK(comm, 0), false, false },
		{ "id:%u[3].comm[2]", TASK(comm[2], 1), true, false },
		{ "id:%u[3].stat", TASK(stat, 0), false, false },
		{ "id:%u[3].stat.hist[2]", TASK(stat.hist[2], 4), false, false },
		{ "id:%u[3].hi", TASK(hi, 4), false, false },
		{ "id:%u[3].parent", TASK(parent, 8), false, false },
		{ "id:%u[3].prio", offsetof(struct shape_task, state) + 4, 2, 0, false, true },
		{ "id:%u[3]", 0, sizeof(struct shape_task), 0, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bpf_place p = place("tasks", cases[i].format);

		if (p.spot.offset != cases[i].offset || p.spot.size != cases[i].size ||
		    p.len != cases[i].len || p.spot.is_signed != cases[i].is_signed ||
		    p.spot.is_bitfield != cases[i].is_bitfield)
			fail_msg("%s: %llu+%llu, len %u", cases[i].format,
				 (unsigned long long)p.spot.offset, (unsigned long long)p.spot.size,
				 p.len);
	}
}

/* ---- reading --------------------------------------------------------------------------------- */

static void reads_what_user_space_wrote(void **state)
{
	struct shape_task task;
	struct shape_stat stat;
	struct shape_cpu cpus[1024] = { { 0 } };
	uint32_t key = 5;
	uint8_t raw[sizeof(task)];
	struct bpf_place p;

	shapes_task(7, &task);
	shapes_stat(4, &stat);
	assert_true(number_of("tasks", "id:%u[7].weight") == task.weight);
	assert_true((int16_t)number_of("tasks", "id:%u[7].delta") == task.delta);
	assert_true(number_of("tasks", "id:%u[hex:07000000].cpu") == task.cpu);
	assert_true(number_of("levels", "id:%u[4].hist[3]") == stat.hist[3]);
	assert_true(number_of(".rodata", "id:%u:version") == 42);
	assert_true((int32_t)number_of(".data", "id:%u:last_cpu") == -1);
	assert_true(number_of(".data", "id:%u:pattern[4]") == 8);
	assert_true(number_of(".data", "id:%u:edge.to") == 9);
	p = place("tasks", "id:%u[7]");
	assert_int_equal(bpf_place_read(&p, 0, sizeof(raw), raw, NULL), 0);
	assert_memory_equal(raw, &task, sizeof(raw));
	for (unsigned i = 0; i < ARRAY_SIZE(cpus); i++)
		cpus[i].n = 900 + i;
	assert_int_equal(bpf_map_update_elem(fd_of("cpu_array"), &key, cpus, BPF_ANY), 0);
	for (unsigned i = 0; i < rig.target->ncpu && i < 2; i++)
		assert_true(number_of("cpu_array", i ? "id:%u[5][cpu=1].n" : "id:%u[5][cpu=0].n") ==
			    900 + i);
}

static void reads_a_trie(void **state)
{
	struct shape_route_key key = { 24, { 10, 1, 2, 0 } };
	uint32_t value = 77;

	assert_int_equal(bpf_map_update_elem(fd_of("routes"), &key, &value, BPF_ANY), 0);
	assert_true(number_of("routes", "id:%u[hex:180000000a010200]") == 77);
}

static void finds_strings(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "no_types", 8, 4, 4, &opts);
	struct ksnap_err err = { 0 };
	uint64_t key = 0x1234;
	uint32_t value = 5;
	struct bpf_place p;
	struct symbol s;
	char text[64];

	assert_int_equal(bpf_map_update_elem(fd, &key, &value, BPF_ANY), 0);
	snprintf(text, sizeof(text), "id:%u[0x1234]", id_of(fd));
	assert_int_equal(symbol_parse(text, &s, NULL), 0);
	assert_int_equal(bpf_place_find(rig.target, &s, &p, &err), 0);
	assert_int_equal(p.len, 4);
	assert_true(read_number(&p) == 5);
	snprintf(text, sizeof(text), "id:%u[0x1234].x", id_of(fd));
	assert_int_equal(symbol_parse(text, &s, NULL), 0);
	assert_int_equal(bpf_place_find(rig.target, &s, &p, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "has no BTF"));
	close(fd);
}

static void bounds_are_kept(void **state)
{
	struct bpf_place p = place("tasks", "id:%u[7].delta");
	uint32_t room = sizeof(struct shape_task) - offsetof(struct shape_task, delta);
	struct ksnap_err err = { 0 };
	uint8_t raw[512];

	assert_int_equal(bpf_place_read(&p, 0, room, raw, &err), 0);
	assert_int_equal(bpf_place_read(&p, 0, room + 1, raw, &err), KSNAP_E_ARG);
	assert_int_equal(bpf_place_read(&p, 0, 0, raw, &err), KSNAP_E_ARG);
	assert_int_equal(bpf_place_read(&p, UINT64_MAX, 1, raw, &err), KSNAP_E_ARG);
	assert_int_equal(bpf_place_write(&p, 0, room + 1, raw, &err), KSNAP_E_ARG);
}

static void a_key_that_is_not_there(void **state)
{
	struct bpf_place p = place("tasks", "id:%u[4000000].weight");
	struct ksnap_err err = { 0 };
	_close_ int fd = bpf_place_open(&p, &err);
	uint64_t n = 1;

	assert_int_equal(bpf_place_read(&p, 0, 8, &n, &err), KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "no such key"));
	assert_int_equal(bpf_place_write(&p, 0, 8, &n, &err), KSNAP_E_NOTFOUND);
	assert_int_equal(bpf_place_or(&p, 8, 1, &err), KSNAP_E_NOTFOUND);
	assert_int_equal(bpf_place_address(&p, fd, &n, &err), KSNAP_E_NOTFOUND);
}

static void a_map_that_is_gone(void **state)
{
	int fd = make(BPF_MAP_TYPE_ARRAY, "short_lived", 4, 8, 1);
	struct ksnap_err err = { 0 };
	struct bpf_place p;
	struct symbol s;
	char text[64];
	uint64_t n;

	snprintf(text, sizeof(text), "id:%u[0]", id_of(fd));
	assert_int_equal(symbol_parse(text, &s, NULL), 0);
	assert_int_equal(bpf_place_find(rig.target, &s, &p, &err), 0);
	close(fd);
	wait_until_gone(p.map_id);
	assert_int_equal(bpf_place_read(&p, 0, 8, &n, &err), KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "the map is gone"));
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void addresses_lead_to_the_bytes(void **state)
{
	static const struct {
		const char *map, *format;
	} cases[] = {
		{ ".bss", "id:%u:nr_touched" },       { ".data", "id:%u:edge.to" },
		{ "tasks", "id:%u[7].weight" },       { "levels", "id:%u[4].hist[3]" },
		{ "cpu_array", "id:%u[5][cpu=1].n" }, { "recent", "id:%u[3]" },
	};
	struct ksnap_err err = { 0 };
	struct kernel_reader *reader = kernel_reader_create(&err);
	uint64_t key = 3;

	assert_non_null(reader);
	assert_int_equal(bpf_map_update_elem(fd_of("recent"), &key, &key, BPF_ANY), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bpf_place p = place(cases[i].map, cases[i].format);
		_close_ int fd = bpf_place_open(&p, &err);
		uint64_t n = 0;
		struct kernel_read rd = { .len = p.len, .data = (uint8_t *)&n };

		if (bpf_place_address(&p, fd, &rd.addr, &err))
			fail_msg("%s: %s", cases[i].format, err.text);
		assert_true(rd.addr % p.len == 0 && rd.addr >> 63);
		assert_int_equal(kernel_reader_run(reader, &rd, 1, &err), 0);
		assert_int_equal(rd.error, 0);
		assert_true(n == read_number(&p));
	}
	kernel_reader_destroy(reader);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void task_now(uint32_t key, struct shape_task *ret)
{
	assert_int_equal(bpf_map_lookup_elem(fd_of("tasks"), &key, ret), 0);
}

static void writes_only_what_is_named(void **state)
{
	struct shape_task want, have;
	struct bpf_place p;
	struct shape_stat stat = { 1, { 2, 3, 4, 5 } };

	task_now(9, &want);
	want.weight = 0x1122334455667788;
	want.delta = -2;
	want.active = 1;
	want.cpu = 0xabcdef01;
	want.stat = stat;
	p = place("tasks", "id:%u[9].weight");
	write_number(&p, want.weight);
	p = place("tasks", "id:%u[9].delta");
	write_number(&p, want.delta);
	p = place("tasks", "id:%u[9].active");
	write_number(&p, 1);
	p = place("tasks", "id:%u[9].cpu");
	write_number(&p, want.cpu);
	p = place("tasks", "id:%u[9].stat");
	assert_int_equal(bpf_place_write(&p, 0, sizeof(stat), &stat, NULL), 0);
	task_now(9, &have);
	assert_memory_equal(&have, &want, sizeof(have));
}

static void sets_bits(void **state)
{
	struct shape_task want, have;
	struct bpf_place p;

	task_now(10, &want);
	want.weight |= 1ull << 63 | 4;
	want.cpu |= 0x10;
	want.delta |= 0x0180;
	p = place("tasks", "id:%u[10].weight");
	assert_int_equal(bpf_place_or(&p, 8, 1ull << 63 | 4, NULL), 0);
	p = place("tasks", "id:%u[10].cpu");
	assert_int_equal(bpf_place_or(&p, 4, 0x10, NULL), 0);
	p = place("tasks", "id:%u[10].delta");
	assert_int_equal(bpf_place_or(&p, 2, 0x0180, NULL), 0);
	task_now(10, &have);
	assert_memory_equal(&have, &want, sizeof(have));
}

static void read_only_is_refused(void **state)
{
	struct bpf_place p = place(".rodata", "id:%u:version");
	struct ksnap_err err = { 0 };
	uint32_t n = 1;

	assert_int_equal(bpf_place_write(&p, 0, 4, &n, &err), KSNAP_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "read-only"));
	assert_int_equal(bpf_place_or(&p, 4, 1, &err), KSNAP_E_UNSUPPORTED);
}

/* Somebody else counts in the neighbour's bytes; none of that may be lost. */
struct counting {
	int fd;
	uint64_t *at;
	atomic_bool stop;
	uint64_t n;
};

static void *count(void *arg)
{
	struct counting *c = arg;

	while (!c->stop) {
		__atomic_add_fetch(c->at, 1, __ATOMIC_SEQ_CST);
		c->n++;
	}
	return NULL;
}

static void neighbours_lose_nothing(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	struct counting c = { .fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "counts", 4, 16, 1, &opts) };
	uint64_t *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, c.fd, 0);
	struct ksnap_err err = { 0 };
	struct bpf_place p;
	struct symbol s;
	pthread_t thread;
	char text[64];

	assert_true(mapped != MAP_FAILED);
	snprintf(text, sizeof(text), "id:%u[0]", id_of(c.fd));
	assert_int_equal(symbol_parse(text, &s, NULL), 0);
	assert_int_equal(bpf_place_find(rig.target, &s, &p, &err), 0);
	c.at = mapped;
	assert_int_equal(pthread_create(&thread, NULL, count, &c), 0);
	for (uint64_t i = 1; i <= 50; i++) {
		assert_int_equal(bpf_place_write(&p, 8, 4, &i, &err), 0);
		assert_true((uint32_t)mapped[1] == i);
	}
	c.stop = true;
	pthread_join(thread, NULL);
	assert_true(mapped[0] == c.n);
	munmap(mapped, 4096);
	close(c.fd);
}

static int open_all(void **state)
{
	object = rig_load_object("shapes");
	rig_open(&rig);
	return shapes_fill(object, 100);
}

static int close_all(void **state)
{
	rig_close(&rig);
	bpf_object__close(object);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(misses_say_why),
		cmocka_unit_test(a_name_of_two_is_refused_with_both),
		cmocka_unit_test(knows_widths),
		cmocka_unit_test(reads_what_user_space_wrote),
		cmocka_unit_test(reads_a_trie),
		cmocka_unit_test(finds_strings),
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test(a_key_that_is_not_there),
		cmocka_unit_test(a_map_that_is_gone),
		cmocka_unit_test(addresses_lead_to_the_bytes),
		cmocka_unit_test(writes_only_what_is_named),
		cmocka_unit_test(sets_bits),
		cmocka_unit_test(read_only_is_refused),
		cmocka_unit_test(neighbours_lose_nothing),
	};
	int ret = rig_cannot_run();

	return ret >= 0 ? ret : cmocka_run_group_tests(tests, open_all, close_all);
}
