// SPDX-License-Identifier: MIT
/* tasks_test.c - processes and threads in made-up memory: lists that are sound, lead nowhere, or in
 * circles. The layout is made up too: what counts is that it is followed. */
#include "../memory/machine.h"

#include <string.h>

#include "base/cleanup.h"
#include "capture/outside/tasks.h"
#include "made_report.h"

#define A    0xffff888000000000ull /* address of physical 0 */
#define INIT (A + 0x10000)

#define M(type, member, ...) (k.at.type##__##member = (struct layout_member){ __VA_ARGS__ })

static struct machine m;
static struct kernel k;
static char text[65536];

static void put64(uint64_t va, uint64_t v)
{
	machine_put64(&m, va - A, v);
}

static uint64_t task(unsigned i)
{
	return A + 0x20000 + 0x400 * i;
}

static uint64_t signal_of(unsigned i)
{
	return A + 0x40000 + 0x100 * i;
}

/* Task @i is the only thread of process @i; @next is the one behind it in the list. */
static void put_process(unsigned i, uint64_t next)
{
	uint32_t id = 100 + i;

	machine_put(&m, task(i) + 0x10 - A, &id, 4);
	machine_put(&m, task(i) + 0x14 - A, &id, 4);
	put64(task(i) + 0x20, next + 0x20);
	put64(task(i) + 0x40, signal_of(i));
	put64(signal_of(i) + 0x8, task(i) + 0x50);
	put64(task(i) + 0x50, signal_of(i) + 0x8);
}

/* Three processes. */
static void begin(void)
{
	machine_begin(&m, 4);
	for (uint64_t at = 0; at < MACHINE_BYTES; at += 2u << 20)
		machine_map(&m, A + at, at, 21);
	k = (struct kernel){ .mem = &m.phys };
	M(task_struct, pid, 0x10, 4);
	M(task_struct, tgid, 0x14, 4);
	M(task_struct, tasks, 0x20, 16);
	M(task_struct, signal, 0x40, 8);
	M(task_struct, thread_node, 0x50, 16);
	M(signal_struct, thread_head, 0x8, 16);
	symbols_add(&k.image.symbols, INIT, 'D', "init_task", 9);
	put64(INIT + 0x20, task(0) + 0x20);
	put_process(0, task(1));
	put_process(1, task(2));
	put_process(2, INIT);
}

/* The report's keys as text, `tasks` first. */
static const char *report(uint64_t deadline)
{
	const msgpack_object *all, *list;
	struct made_report r;
	size_t n;

	assert_int_equal(symbols_seal(&k.image.symbols, NULL), 0);
	machine_save(&m, false);
	space_init(&k.image.space, &m.phys, MACHINE_ROOT, 4);
	made_report_begin(&r);
	assert_int_equal(tasks_report(&k, deadline, r.rb, NULL), 0);
	all = made_report_read(&r);
	list = object_get(all, "tasks");
	n = snprintf(text, sizeof(text), "%u:", list->via.array.size);
	for (uint32_t i = 0; i < list->via.array.size && i < 3; i++)
		n += snprintf(text + n, sizeof(text) - n, " %u",
			      (unsigned)object_get(&list->via.array.ptr[i], "tid")->via.u64);
	n += snprintf(text + n, sizeof(text) - n, "; ");
	msgpack_object_print_buffer(text + n, sizeof(text) - n, *object_get(all, "reasons"));
	made_report_end(&r);
	return text;
}

static void end(void)
{
	symbols_fini(&k.image.symbols);
	machine_end(&m);
}

static void expect(const char *begins, const char *has)
{
	report(UINT64_MAX);
	assert_memory_equal(text, begins, strlen(begins));
	assert_non_null(strstr(text, has));
	end();
}

static void ends_in_circles(void **state)
{
	begin();
	put64(task(2) + 0x20, task(1) + 0x20); /* of processes */
	expect("32768: 100 101 102; ", "leads back to itself");
	begin();
	put64(task(1) + 0x50, task(1) + 0x50); /* of threads */
	expect("65534: 100 101 101; ", "leads back to itself");
}

static void ends_out_of_memory(void **state)
{
	begin();
	put64(task(1) + 0x20, 0xffffffff00000000);
	expect("2: 100 101; ", "out of memory");
	begin();
	put64(task(1) + 0x40, 0x10);
	expect("1: 100; ", "out of memory");
	begin();
	put64(INIT + 0x20, 0);
	expect("0:; ", "tasks_partial");
}

static void says_what_the_types_lack(void **state)
{
	begin();
	M(task_struct, thread_node, 0);
	expect("0:; ", "do not tell where they are");
}

static void ends_at_the_deadline(void **state)
{
	begin();
	put64(task(2) + 0x20, task(1) + 0x20);
	report(0);
	assert_non_null(strstr(text, "the deadline passed"));
	end();
}

static void lists_and_finds_threads(void **state)
{
	begin();
	expect("3: 100 101 102; []", "");
	begin();
	report(UINT64_MAX);
	assert_int_equal(task_find(&k, 101), task(1));
	assert_int_equal(task_find(&k, 103), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_in_circles),          cmocka_unit_test(ends_out_of_memory),
		cmocka_unit_test(says_what_the_types_lack), cmocka_unit_test(ends_at_the_deadline),
		cmocka_unit_test(lists_and_finds_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
