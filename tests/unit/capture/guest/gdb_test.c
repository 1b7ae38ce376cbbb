// SPDX-License-Identifier: MIT
/* gdb_test.c - a made-up stub at the other end: hostile ones, and one that does as qemu does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/guest/gdb.h"

#define SOON_MS 200   /* that silence is waited out */
#define LONG_MS 30000 /* for what comes, however busy the machine is */

/* What it says to each packet; NULL: nothing. */
struct answer {
	const char *packet, *says;
};

struct stub {
	int listener;
	const struct answer *answers;
	char path[64];
	char heard[512];
	pthread_t thread;
};

/* Each has one CPU, or two when a test's own rows, which come first, say so. */
static const struct answer one_cpu[] = {
	{ "Hc1", "+$OK#9a" }, { "Hc2", "+$E22#a9" }, { "Hc3", "+$E22#a9" }, { 0 }
};

static void answer_from(const struct answer *answers, int fd, const char *text)
{
	for (const struct answer *a = answers; a->packet; a++) {
		if (strcmp(a->packet, text) || !a->says)
			continue;
		/* Who was told nonsense before has hung up. */
		if (send(fd, a->says, strlen(a->says), MSG_NOSIGNAL) < 0)
			return;
	}
}

static bool has_row(const struct answer *a, const char *text)
{
	while (a->packet && strcmp(a->packet, text))
		a++;
	return a->packet;
}

static void answer(struct stub *s, int fd, const char *text)
{
	answer_from(has_row(s->answers, text) ? s->answers : one_cpu, fd, text);
}

static void *serve(void *arg)
{
	struct stub *s = arg;
	int fd = accept(s->listener, NULL, NULL);
	char in[512], *hash;
	ssize_t n;

	while ((n = recv(fd, in, sizeof(in) - 1, 0)) > 0) {
		in[n] = 0;
		if (n == 1 && in[0] == 3)
			answer(s, fd, "stop");
		for (char *at = in; (at = strchr(at, '$')) && (hash = strchr(at, '#'));
		     at = hash + 1) {
			*hash = 0;
			strcat(strcat(s->heard, at + 1), " ");
			answer(s, fd, at + 1);
		}
	}
	close(fd);
	return NULL;
}

static void begin(struct stub *s, const struct answer *answers)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	*s = (struct stub){ .answers = answers };
	snprintf(s->path, sizeof(s->path), "gdb_test.%d", getpid());
	strcpy(a.sun_path, s->path);
	unlink(s->path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->listener, 1), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void end(struct stub *s, struct gdb *g)
{
	gdb_fini(g);
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	close(s->listener);
	unlink(s->path);
}

static uint64_t soon(void)
{
	return clock_mono_ns() + SOON_MS * NS_PER_MS;
}

static uint64_t late(void)
{
	return clock_mono_ns() + LONG_MS * NS_PER_MS;
}

#define HALTED "+$T05thread:01;#07"
#define OK     "+$OK#9a"

static bool has_news(const struct gdb *g)
{
	struct pollfd p = { .fd = g->news, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* What @first makes of the begin. */
static int try_open(const char *first, uint64_t deadline, const char *says)
{
	const struct answer answers[] = { { "?", first }, { 0 } };
	struct ksnap_err err = { 0 };
	struct stub s;
	struct gdb g;
	int ret;

	begin(&s, answers);
	assert_int_equal(gdb_init(&g, &err), 0);
	ret = gdb_open(&g, s.path, deadline, &err);
	assert_true(ret < 0);
	assert_int_equal(g.fd, -1);
	assert_non_null(strstr(err.text, says));
	end(&s, &g);
	return ret;
}

static void refuses_what_is_no_stub(void **state)
{
	assert_int_equal(try_open("+$OK#9a", late(), "is no gdbstub"), KSNAP_E_TARGET);
	assert_int_equal(try_open("+$#00", late(), "is no gdbstub"), KSNAP_E_TARGET);
	assert_int_equal(try_open("$T05#00", late(), "broken"), KSNAP_E_TARGET);
	assert_int_equal(try_open("SSH-2.0-x\r\n", soon(), "another debugger"), KSNAP_E_BUSY);
	assert_int_equal(try_open(NULL, soon(), "another debugger"), KSNAP_E_BUSY);
}

static void leaves_a_stub_that_is_silent(void **state)
{
	static const struct answer answers[] = { { 0 } };
	struct ksnap_err err;
	struct stub s;
	struct gdb g;

	begin(&s, answers);
	assert_int_equal(gdb_init(&g, &err), 0);
	assert_int_equal(gdb_open(&g, s.path, soon(), &err), KSNAP_E_BUSY);
	end(&s, &g);
	assert_string_equal(
		s.heard,
		"? D vAttach;1 Qqemu.PhyMemMode:0 Qqemu.sstep=1 Qqemu.sstep=3 Qqemu.sstep=7 qC D ");
}

static void open_stub(struct stub *s, struct gdb *g, const struct answer *answers)
{
	begin(s, answers);
	assert_int_equal(gdb_init(g, NULL), 0);
	assert_int_equal(gdb_open(g, s->path, late(), NULL), 0);
}

static void passes_refusals_on(void **state)
{
	static const struct answer answers[] = {
		{ "?", HALTED },          { "Qqemu.sstep=1", OK },
		{ "Z2,1000,8", "+$#00" }, { "Z2,2000,8", "+$E16#ac" },
		{ "z2,1000,8", OK },      { "Hg2", OK },
		{ "g", "+$0011#c2" },     { 0 }
	};
	struct registers r;
	struct ksnap_err err;
	struct stub s;
	struct gdb g;

	open_stub(&s, &g, answers);
	assert_int_equal(gdb_watch(&g, 0x1000, 8, late(), &err), KSNAP_E_UNSUPPORTED);
	assert_int_equal(gdb_watch(&g, 0x2000, 8, late(), &err), KSNAP_E_LIMIT);
	assert_non_null(strstr(err.text, "E16"));
	assert_int_equal(gdb_unwatch(&g, 0x1000, 8, late(), &err), 0);
	assert_int_equal(gdb_registers(&g, 2, late(), &r, &err), KSNAP_E_TARGET);
	assert_false(has_news(&g));
	end(&s, &g);
}

/* An answer that comes too late must not be taken for another one; the child takes leave. */
static void ends_with_a_stub_that_does_not_answer(void **state)
{
	static const struct answer answers[] = { { "?", HALTED },      { "Qqemu.sstep=1", OK },
						 { "qC", "$QC01#f5" }, { "qAttached", "$1#31" },
						 { "D", OK },          { 0 } };
	struct ksnap_err err;
	struct stub s;
	struct gdb g;

	open_stub(&s, &g, answers);
	assert_int_equal(gdb_watch(&g, 0x1000, 8, soon(), &err), KSNAP_E_TARGET);
	assert_true(g.is_lost && g.fd < 0 && has_news(&g));
	assert_int_equal(gdb_continue(&g, &err), KSNAP_E_TARGET);
	end(&s, &g);
	assert_string_equal(
		s.heard,
		"? Hc1 ? Hc2 Qqemu.sstep=1 Z2,1000,8 D vAttach;1 Qqemu.PhyMemMode:0 Qqemu.sstep=1 "
		"Qqemu.sstep=3 Qqemu.sstep=7 qC c ");
}

static void await_news(struct gdb *g)
{
	struct pollfd p = { .fd = g->fd, .events = POLLIN };

	while (!gdb_poll(g) && g->fd >= 0)
		assert_true(poll(&p, 1, 10000) > 0);
}

static void tells_traps_from_answers_and_other_stops(void **state)
{
	static const struct answer answers[] = {
		{ "?", HALTED },
		{ "Qqemu.sstep=1", OK },
		{ "Z2,1000,8", "+$T02thread:01;#04" OK },
		{ "c", "+$T02thread:01;#04$T05thread:02;watch:1000;#55" },
		{ 0 }
	};
	struct stub s;
	struct gdb g;

	open_stub(&s, &g, answers);
	assert_int_equal(gdb_watch(&g, 0x1000, 8, late(), NULL), 0);
	assert_false(gdb_poll(&g));
	assert_int_equal(gdb_continue(&g, NULL), 0);
	await_news(&g);
	assert_true(g.has_trap && g.pauses && has_news(&g));
	assert_true(g.trap.at.is_watch && g.trap.at.addr == 0x1000 && g.trap.at.thread == 2);
	gdb_forget_trap(&g);
	gdb_forget_pauses(&g);
	assert_false(has_news(&g) || gdb_poll(&g));
	end(&s, &g);
	assert_string_equal(s.heard, "? Hc1 ? Hc2 Qqemu.sstep=1 Z2,1000,8 c ");
}

/* Connecting stops a guest that runs: what is told of that is no answer, and no news. */
static void is_not_taken_in_by_what_connecting_does(void **state)
{
	static const struct answer answers[] = {
		{ "?", "$T02thread:01;#04" HALTED "$T02thread:01;#04" },
		{ "Qqemu.sstep=1", OK },
		{ "Z2,1000,8", OK },
		{ 0 },
	};
	struct stub s;
	struct gdb g;

	open_stub(&s, &g, answers);
	assert_false(gdb_poll(&g) || g.pauses || has_news(&g));
	assert_int_equal(gdb_watch(&g, 0x1000, 8, late(), NULL), 0);
	assert_false(gdb_poll(&g) || g.pauses || has_news(&g));
	end(&s, &g);
}

static void tells_that_the_guest_was_stopped(void **state)
{
	static const struct answer answers[] = {
		{ "?", HALTED }, { "Qqemu.sstep=1", OK }, { "c", "$T02thread:01;#04" }, { 0 }
	};
	struct pollfd p;
	struct stub s;
	struct gdb g;

	open_stub(&s, &g, answers);
	assert_int_equal(gdb_continue(&g, NULL), 0);
	p = (struct pollfd){ .fd = g.fd, .events = POLLIN };
	while (!gdb_poll(&g) && !g.pauses)
		assert_true(poll(&p, 1, LONG_MS) > 0);
	assert_true(g.pauses && has_news(&g) && !g.has_trap);
	gdb_forget_pauses(&g);
	assert_false(has_news(&g));
	end(&s, &g);
}

#define RUNS  "$4350552330205b72756e6e696e675d#12" /* CPU#0 [running] */
#define HALTS "$4350552331205b68616c746564205d#a1" /* CPU#1 [halted ] */

static void steps_a_cpu(void **state)
{
	static const struct answer answers[] = {
		{ "?", HALTED },
		{ "Qqemu.sstep=1", OK },
		{ "qThreadExtraInfo,1", RUNS },
		{ "qThreadExtraInfo,2", HALTS },
		{ "qThreadExtraInfo,3", "$E22#a9" },
		{ "Hc1", OK },
		{ "Hc3", "$E22#a9" },
		{ "vCont;s:1", "$T05thread:01;watch:2000;#55" },
		{ "Qqemu.sstep=7", OK },
		{ 0 },
	};
	struct ksnap_err err;
	struct stub s;
	struct gdb g;

	open_stub(&s, &g, answers);
	assert_int_equal(gdb_step(&g, 3, false, late(), &err), KSNAP_E_LIMIT);
	assert_int_equal(gdb_step(&g, 2, false, late(), &err), KSNAP_E_STATE);
	assert_int_equal(gdb_step(&g, 1, false, late(), &err), 0);
	assert_true(gdb_poll(&g) && g.trap.at.is_watch && g.trap.at.addr == 0x2000);
	gdb_leave(&g);
	end(&s, &g);
	assert_non_null(strstr(s.heard, " Hc1 vCont;s:1 Qqemu.sstep=7 "));
}

/* It is not asked whether the CPU is halted: the interrupt has woken it up. */
static void steps_a_cpu_that_was_interrupted(void **state)
{
	static const struct answer answers[] = {
		{ "?", HALTED },
		{ "Qqemu.sstep=1", OK },
		{ "Qqemu.PhyMemMode:1", OK },
		{ "Mfeeff000,4:fd000000", OK },
		{ "Qqemu.PhyMemMode:0", OK },
		{ "Hc2", OK },
		{ "vCont;s:2", "$T05thread:02;#08" },
		{ "Qqemu.sstep=7", OK },
		{ 0 },
	};
	struct stub s;
	struct gdb g;

	open_stub(&s, &g, answers);
	assert_int_equal(gdb_interrupt(&g, 0xfd, late(), NULL), 0);
	assert_int_equal(gdb_step(&g, 2, true, late(), NULL), 0);
	assert_true(gdb_poll(&g) && !g.trap.at.is_watch && g.trap.at.thread == 2);
	gdb_leave(&g);
	end(&s, &g);
	assert_string_equal(
		s.heard, "? Hc1 ? Hc2 ? Hc3 Qqemu.sstep=1 Qqemu.PhyMemMode:1 Mfeeff000,4:fd000000 "
			 "Qqemu.PhyMemMode:0 Hc2 vCont;s:2 Qqemu.sstep=7 ");
}

/* Addresses are those of the kernel again, however the write went. */
static void tells_that_cpus_cannot_be_interrupted(void **state)
{
	static const struct answer answers[] = {
		{ "?", HALTED },
		{ "Qqemu.sstep=1", OK },
		{ "Qqemu.PhyMemMode:1", OK },
		{ "Mfeeff000,4:fd000000", "$E14#aa" },
		{ "Qqemu.PhyMemMode:0", OK },
		{ "Qqemu.sstep=7", OK },
		{ 0 },
	};
	static const struct answer old[] = { { "?", HALTED },
					     { "Qqemu.sstep=1", OK },
					     { "Qqemu.PhyMemMode:1", "$#00" },
					     { "Qqemu.sstep=7", OK },
					     { 0 } };
	struct stub s;
	struct gdb g;

	open_stub(&s, &g, answers);
	assert_int_equal(gdb_interrupt(&g, 0xfd, late(), NULL), KSNAP_E_LIMIT);
	gdb_leave(&g);
	end(&s, &g);
	assert_non_null(strstr(s.heard, ":fd000000 Qqemu.PhyMemMode:0 Qqemu.sstep=7 "));
	open_stub(&s, &g, old);
	assert_int_equal(gdb_interrupt(&g, 0xfd, late(), NULL), KSNAP_E_UNSUPPORTED);
	gdb_leave(&g);
	end(&s, &g);
	assert_string_equal(s.heard, "? Hc1 ? Hc2 Qqemu.sstep=1 Qqemu.PhyMemMode:1 Qqemu.sstep=7 ");
}

/* One that cannot step, or not in the way that is asked for. */
static void does_not_step_where_a_stub_cannot(void **state)
{
	static const struct answer answers[] = { { "?", HALTED },
						 { "Qqemu.sstep=1", "$#00" },
						 { 0 } };
	struct ksnap_err err;
	struct stub s;
	struct gdb g;

	open_stub(&s, &g, answers);
	assert_int_equal(gdb_step(&g, 1, false, late(), &err), KSNAP_E_UNSUPPORTED);
	gdb_leave(&g);
	end(&s, &g);
	assert_string_equal(s.heard, "? Hc1 ? Hc2 Qqemu.sstep=1 ");
}

static void ceases_to_step_where_that_is_refused(void **state)
{
	static const struct answer answers[] = {
		{ "?", HALTED }, { "Qqemu.sstep=1", OK }, { "qThreadExtraInfo,1", RUNS },
		{ "Hc1", OK },   { "vCont;s:1", "$#00" }, { 0 }
	};
	struct ksnap_err err;
	struct stub s;
	struct gdb g;

	open_stub(&s, &g, answers);
	assert_int_equal(gdb_step(&g, 1, false, late(), &err), KSNAP_E_UNSUPPORTED);
	assert_int_equal(gdb_step(&g, 1, false, late(), &err), KSNAP_E_UNSUPPORTED);
	assert_true(g.fd >= 0 && !g.has_trap);
	end(&s, &g);
}

/* It is stopped again when its instruction does not end. */
static void gives_up_a_step(void **state)
{
	static const struct answer answers[] = {
		{ "?", HALTED }, { "Qqemu.sstep=1", OK },         { "qThreadExtraInfo,1", RUNS },
		{ "Hc1", OK },   { "stop", "$T02thread:01;#04" }, { 0 },
	};
	struct stub s;
	struct gdb g;

	open_stub(&s, &g, answers);
	assert_int_equal(gdb_step(&g, 1, false, late(), NULL), KSNAP_E_STATE);
	assert_true(!g.pauses && !g.has_trap && g.fd >= 0);
	end(&s, &g);
}

/* Others let the guest go on just then: it is stopped for the packet. */
static void tells_a_step_from_what_others_do(void **state)
{
	static const struct answer answers[] = {
		{ "?", HALTED },
		{ "Qqemu.sstep=1", OK },
		{ "qThreadExtraInfo,1", RUNS },
		{ "Hc1", OK },
		{ "vCont;s:1", "$T02thread:01;#04$T05thread:01;#07" },
		{ "qC", "$QC1#c5" },
		{ 0 },
	};
	struct stub s;
	struct gdb g;

	open_stub(&s, &g, answers);
	assert_int_equal(gdb_step(&g, 1, false, late(), NULL), KSNAP_E_STATE);
	assert_true(g.pauses == 1 && g.has_trap && g.stirs == 2 && g.can_step);
	end(&s, &g);
}

/* However much a stub says, polling has an end, and nothing of it is kept. */
static void outlives_a_stub_that_talks(void **state)
{
	static char noise[100000];
	const struct answer answers[] = {
		{ "?", HALTED }, { "Qqemu.sstep=1", OK }, { "c", noise }, { "D", OK }, { 0 }
	};
	struct stub s;
	struct gdb g;

	memset(noise, 'x', sizeof(noise) - 1);
	memcpy(noise + sizeof(noise) - 10, "$", 1);
	open_stub(&s, &g, answers);
	assert_int_equal(gdb_continue(&g, NULL), 0);
	for (int i = 0; i < 100; i++) {
		assert_false(gdb_poll(&g));
		assert_true(g.in.len < 2 * PACKET_MAX);
	}
	end(&s, &g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_stub),
		cmocka_unit_test(leaves_a_stub_that_is_silent),
		cmocka_unit_test(passes_refusals_on),
		cmocka_unit_test(ends_with_a_stub_that_does_not_answer),
		cmocka_unit_test(tells_traps_from_answers_and_other_stops),
		cmocka_unit_test(is_not_taken_in_by_what_connecting_does),
		cmocka_unit_test(tells_that_the_guest_was_stopped),
		cmocka_unit_test(steps_a_cpu),
		cmocka_unit_test(steps_a_cpu_that_was_interrupted),
		cmocka_unit_test(tells_that_cpus_cannot_be_interrupted),
		cmocka_unit_test(does_not_step_where_a_stub_cannot),
		cmocka_unit_test(ceases_to_step_where_that_is_refused),
		cmocka_unit_test(gives_up_a_step),
		cmocka_unit_test(tells_a_step_from_what_others_do),
		cmocka_unit_test(outlives_a_stub_that_talks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
