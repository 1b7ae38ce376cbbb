// SPDX-License-Identifier: MIT
/* gdb.c - packets to a stub and back. */
#include "capture/guest/gdb.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "capture/guest/dial.h"

#define CHUNK      4096
#define POLL_TIMES 64 /* answers to what was given up, and reads, before others have their turn */

#define HALTED  "5b68616c746564" /* "[halted" */
#define STEP_MS 500        /* that an instruction takes at most: else its CPU waits for something */
#define TO_ALL  "feeff000" /* where a device writes what interrupts all CPUs */

/* How CPUs are stepped: with interrupts and timers on, or as qemu does when it was not told. */
#define STEP_FREELY "Qqemu.sstep=1"
#define STEP_AS_WAS "Qqemu.sstep=7"

/* Whatever the stub is at: acknowledge; end a packet that is half there; if the guest runs, stop
 * it; leave, upon which qemu disarms all CPUs (asked what it does, only one) and lets them go on;
 * stop it, and come back; set right what else we changed, as much of it as KVM can; and ask what
 * has an answer like no other, so that all that is done. Meanwhile others may let the guest go on:
 * the second + stops it. */
#define AS_MUCH "$Qqemu.sstep=1#d4$Qqemu.sstep=3#d6$" STEP_AS_WAS "#da"
#define DISARM  "++\003#00$D#44++$vAttach;1#37$Qqemu.PhyMemMode:0#76" AS_MUCH "$qC#b4"
#define GO_ON   "++$c#63"
#define LEAVE   "++$D#44"

/* A CPU that was about to trap traps still when the guest goes on, though nothing is armed: without
 * us it would stand still for ever. */
static const struct freeze_word leave[] = {
	{ DISARM, "$QC", NULL },
	{ GO_ON, NULL, "$T05" },
	{ 0 },
};

int gdb_init(struct gdb *g, struct ksnap_err *err)
{
	*g = GDB_INIT;
	g->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return g->news < 0 ? err_errno(err, KSNAP_E_INTERNAL, errno, "eventfd") : 0;
}

void gdb_fini(struct gdb *g)
{
	gdb_close(g);
	cleanup_close(&g->news);
	buf_fini(&g->in);
	*g = GDB_INIT;
}

static void disconnect(struct gdb *g)
{
	cleanup_close(&g->fd);
	g->fd = -1;
	buf_clear(&g->in);
}

void gdb_close(struct gdb *g)
{
	if (g->news >= 0) {
		gdb_forget_trap(g);
		gdb_forget_pauses(g);
	}
	freeze_guard_stop(&g->guard);
	disconnect(g);
	g->is_lost = g->can_step = false;
}

static int lose(struct gdb *g, struct ksnap_err *err, const char *what)
{
	disconnect(g);
	g->is_lost = true;
	freeze_guard_release(&g->guard);
	eventfd_write(g->news, 1);
	return err_set(err, KSNAP_E_TARGET, "qemu's gdbstub %s", what);
}

/* ---- packets --------------------------------------------------------------------------------- */

static int send_text(struct gdb *g, const char *text, struct ksnap_err *err)
{
	_buf_ struct buf out = BUF_INIT;

	if (g->fd < 0)
		return err_set(err, KSNAP_E_TARGET, "qemu's gdbstub is not connected");
	log_debug("gdb: says %s", text);
	packet_wrap(text, &out);
	if (!buf_ok(&out))
		return err_nomem(err);
	if (send(g->fd, out.data, out.len, MSG_NOSIGNAL) != (ssize_t)out.len)
		return lose(g, err, errno == EAGAIN ? "takes nothing" : "closed its socket");
	return 0;
}

/* What is there: more than 0 bytes, 0: nothing, or negative. */
static int receive(struct gdb *g, struct ksnap_err *err)
{
	void *room = buf_reserve(&g->in, CHUNK);
	ssize_t n;

	if (!room)
		return err_nomem(err);
	n = recv(g->fd, room, CHUNK, MSG_DONTWAIT);
	if (n > 0)
		buf_commit(&g->in, n);
	else if (!n || (errno != EAGAIN && errno != EINTR))
		return lose(g, err, "closed its socket");
	return n > 0 ? n : 0;
}

static void note_stop(struct gdb *g, const struct packet_stop *s)
{
	if (s->signal == PACKET_TRAP) {
		gdb_put_trap(g, &(struct gdb_trap){ .at = *s, .stirs = g->stirs });
	} else {
		g->pauses++;
		eventfd_write(g->news, 1);
	}
}

/* Nobody waited for it. */
static void note_stir(struct gdb *g, const struct packet_stop *s)
{
	g->stirs++;
	note_stop(g, s);
}

/* 1: g->text has the next packet; 0: none is there; or negative. */
static int next_packet(struct gdb *g, struct ksnap_err *err)
{
	size_t taken;
	enum packet_state state = packet_unwrap(g->in.data, g->in.len, g->text, &taken);

	if (taken)
		memmove(g->in.data, g->in.data + taken, g->in.len - taken);
	g->in.len -= taken;
	if (state == PACKET_BROKEN)
		return lose(g, err, "sent a packet that is broken");
	if (state == PACKET_WHOLE)
		log_debug("gdb: hears %.100s", g->text);
	return state == PACKET_WHOLE;
}

/* The same, of packets that are no stop unless @stops. */
static int next_answer(struct gdb *g, bool stops, struct ksnap_err *err)
{
	struct packet_stop s;
	int got;

	while ((got = next_packet(g, err)) > 0 && !stops && packet_stop(g->text, &s))
		note_stir(g, &s);
	return got;
}

static int await(struct gdb *g, bool stops, uint64_t deadline, struct ksnap_err *err)
{
	for (;;) {
		struct pollfd p = { .fd = g->fd, .events = POLLIN };
		int got = next_answer(g, stops, err);
		uint64_t now = clock_mono_ns();

		if (got)
			return got < 0 ? got : 0;
		if (now >= deadline)
			return err_set(err, KSNAP_E_TIMEOUT, "qemu's gdbstub does not answer");
		if (poll(&p, 1, (deadline - now) / NS_PER_MS + 1) < 0 && errno != EINTR)
			return err_errno(err, KSNAP_E_TARGET, errno, "poll");
		got = receive(g, err);
		if (got < 0)
			return got;
	}
}

/* g->text is the answer to @text. */
static int ask(struct gdb *g, const char *text, bool stops, uint64_t deadline,
	       struct ksnap_err *err)
{
	int ret = send_text(g, text, err);

	return ret ? ret : await(g, stops, deadline, err);
}

/* The same, with an answer that is no stop. One that came too late would be taken for the next. */
static int ask_sure(struct gdb *g, const char *text, uint64_t deadline, struct ksnap_err *err)
{
	int ret = ask(g, text, false, deadline, err);

	return ret == KSNAP_E_TIMEOUT ? lose(g, err, "does not answer") : ret;
}

bool gdb_poll(struct gdb *g)
{
	struct packet_stop s;

	for (int i = 0; i < POLL_TIMES && g->fd >= 0 && !g->has_trap; i++) {
		int got = next_packet(g, NULL);

		if (got > 0 && packet_stop(g->text, &s))
			note_stir(g, &s);
		else if (!got && receive(g, NULL) <= 0)
			break;
	}
	return g->has_trap;
}

static void settle_news(struct gdb *g)
{
	eventfd_t times;

	if (!g->has_trap && !g->pauses)
		eventfd_read(g->news, &times);
}

void gdb_put_trap(struct gdb *g, const struct gdb_trap *trap)
{
	g->trap = *trap;
	g->has_trap = true;
	eventfd_write(g->news, 1);
}

void gdb_forget_trap(struct gdb *g)
{
	g->has_trap = false;
	settle_news(g);
}

void gdb_forget_pauses(struct gdb *g)
{
	g->pauses = 0;
	settle_news(g);
}

void gdb_forget_pause(struct gdb *g)
{
	g->pauses--;
	settle_news(g);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static int is_busy(const char *at, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_BUSY,
		       "qemu's gdbstub does not answer at %s: another debugger has it, or qemu "
		       "hangs",
		       at);
}

static int dial(const char *at, uint64_t deadline, struct ksnap_err *err)
{
	static const struct dial_words words = { "gdb=: the path", "gdbstub" };
	bool is_host = strchr(at, ':') && !strchr(at, '/');
	int fd = is_host ? dial_host(at, &words, deadline, err)
			 : dial_path(at, &words, deadline, err);

	return fd == KSNAP_E_TIMEOUT ? is_busy(at, err) : fd;
}

static int await_ok(struct gdb *g, const char *text, uint64_t deadline, struct ksnap_err *err)
{
	int ret = ask_sure(g, text, deadline, err);

	if (ret)
		return ret;
	if (!strcmp(g->text, "OK"))
		return 0;
	return *g->text ? err_set(err, KSNAP_E_LIMIT, "qemu's gdbstub refuses '%s': %.20s", text,
				  g->text)
			: err_set(err, KSNAP_E_UNSUPPORTED, "qemu's gdbstub does not know '%s'",
				  text);
}

/* Whatever stops the guest next, the CPU is not stepped beyond that. */
static int choose(struct gdb *g, uint64_t thread, uint64_t deadline, struct ksnap_err *err)
{
	char text[40];

	snprintf(text, sizeof(text), "Hc%" PRIx64, thread);
	return await_ok(g, text, deadline, err);
}

/* The question disarms the CPU that is chosen, and no other. Behind the last the stub refuses. */
static int disarm_all(struct gdb *g, uint64_t deadline, struct ksnap_err *err)
{
	struct ksnap_err why;
	int ret = 0;

	for (uint64_t thread = 1; !ret; thread++) {
		ret = choose(g, thread, deadline, &why);
		if (ret == KSNAP_E_LIMIT && thread > 1)
			return 0;
		if (!ret)
			ret = ask(g, "?", true, deadline, &why);
	}
	return err_set(err, ret, "%s", why.text);
}

/* Connecting may have stopped the guest, which is told before the answer: what answers the second
 * question is behind both. */
static int greet(struct gdb *g, const char *at, uint64_t deadline, struct ksnap_err *err)
{
	int ret = ask(g, "?", true, deadline, err);
	struct packet_stop s;

	if (ret == KSNAP_E_TIMEOUT)
		return is_busy(at, err);
	if (!ret && !packet_stop(g->text, &s))
		ret = err_set(err, KSNAP_E_TARGET, "%s is no gdbstub", at);
	if (!ret)
		ret = disarm_all(g, deadline, err);
	if (!ret)
		ret = ask_sure(g, STEP_FREELY, deadline, err);
	if (ret)
		return ret;
	g->can_step = !strcmp(g->text, "OK");
	gdb_forget_trap(g);
	gdb_forget_pauses(g);
	return 0;
}

/* Once another debugger leaves, qemu finds our connection, stops the guest, and finds it closed. */
static void give_up(struct gdb *g)
{
	if (g->fd >= 0)
		send(g->fd, DISARM LEAVE, strlen(DISARM LEAVE), MSG_NOSIGNAL | MSG_DONTWAIT);
	gdb_close(g);
}

int gdb_guard(struct gdb *g, struct ksnap_err *err)
{
	return g->guard.pidfd >= 0 ? 0 : freeze_guard_start(g->fd, leave, &g->guard, err);
}

int gdb_open(struct gdb *g, const char *at, uint64_t deadline, struct ksnap_err *err)
{
	int ret;

	gdb_close(g);
	g->fd = dial(at, deadline, err);
	if (g->fd < 0) {
		ret = g->fd;
		g->fd = -1;
		return ret;
	}
	ret = gdb_guard(g, err);
	if (!ret)
		ret = greet(g, at, deadline, err);
	if (ret)
		give_up(g);
	return ret;
}

void gdb_take_leave(struct gdb *g)
{
	if (g->fd >= 0)
		freeze_guard_thaw(g->fd, leave);
	gdb_close(g);
}

void gdb_leave(struct gdb *g)
{
	if (g->can_step)
		ask_sure(g, STEP_AS_WAS, clock_mono_ns() + STEP_MS * NS_PER_MS, NULL);
	gdb_close(g);
}

/* ---- commands -------------------------------------------------------------------------------- */

int gdb_watch(struct gdb *g, uint64_t addr, unsigned len, uint64_t deadline, struct ksnap_err *err)
{
	char text[64];

	snprintf(text, sizeof(text), "Z2,%" PRIx64 ",%x", addr, len);
	return await_ok(g, text, deadline, err);
}

int gdb_unwatch(struct gdb *g, uint64_t addr, unsigned len, uint64_t deadline,
		struct ksnap_err *err)
{
	char text[64];

	snprintf(text, sizeof(text), "z2,%" PRIx64 ",%x", addr, len);
	return await_ok(g, text, deadline, err);
}

int gdb_registers(struct gdb *g, uint64_t thread, uint64_t deadline, struct registers *ret,
		  struct ksnap_err *err)
{
	char text[32];
	int code;

	snprintf(text, sizeof(text), "Hg%" PRIx64, thread);
	code = await_ok(g, text, deadline, err);
	if (!code)
		code = ask_sure(g, "g", deadline, err);
	if (!code && !packet_registers(g->text, ret))
		code = err_set(err, KSNAP_E_TARGET, "qemu's gdbstub tells no registers of x86-64");
	return code;
}

/* Did it run, our question has stopped it. */
bool gdb_stands_since(struct gdb *g, const struct gdb_trap *trap, uint64_t deadline)
{
	return !ask_sure(g, "qC", deadline, NULL) && g->stirs == trap->stirs;
}

int gdb_continue(struct gdb *g, struct ksnap_err *err)
{
	return send_text(g, "c", err);
}

/* As a device does by a message, with the stub's memory commands. */
int gdb_interrupt(struct gdb *g, uint8_t vector, uint64_t deadline, struct ksnap_err *err)
{
	char text[40];
	int ret = await_ok(g, "Qqemu.PhyMemMode:1", deadline, err), end;

	if (ret)
		return ret;
	snprintf(text, sizeof(text), "M" TO_ALL ",4:%02x000000", vector);
	ret = await_ok(g, text, deadline, err);
	end = g->fd < 0 ? ret : await_ok(g, "Qqemu.PhyMemMode:0", deadline, ret ? NULL : err);
	return ret ? ret : end;
}

/* Is the CPU halted, as "CPU#1 [halted ]" in hex says? */
static int refuse_halted(struct gdb *g, uint64_t thread, uint64_t deadline, struct ksnap_err *err)
{
	char text[40];
	int ret;

	snprintf(text, sizeof(text), "qThreadExtraInfo,%" PRIx64, thread);
	ret = ask_sure(g, text, deadline, err);
	if (!ret && strstr(g->text, HALTED))
		return err_set(err, KSNAP_E_STATE, "CPU %" PRIu64 " is halted", thread - 1);
	return ret;
}

/* g->text is what ended the step: of one that did not end by itself, not a trap. */
static int take_step(struct gdb *g, uint64_t thread, struct ksnap_err *err)
{
	struct packet_stop s;

	g->can_step = packet_stop(g->text, &s);
	if (!g->can_step)
		return err_set(err, KSNAP_E_UNSUPPORTED, "this gdbstub cannot step one CPU");
	if (s.signal != PACKET_TRAP)
		return err_set(err, KSNAP_E_STATE, "CPU %" PRIu64 " does not get on", thread - 1);
	note_stop(g, &s);
	return 0;
}

/* The end of the step, in g->text. When others have let the guest go on, qemu stops it for our
 * packet, and what came of the step cannot be told from what came of that: behind the answer to any
 * question it stands still. */
static int await_step(struct gdb *g, uint64_t thread, uint64_t enough, uint64_t deadline,
		      struct ksnap_err *err)
{
	int ret = await(g, true, enough, err);
	struct packet_stop s;

	if (ret || !packet_stop(g->text, &s) || s.signal == PACKET_TRAP)
		return ret;
	note_stir(g, &s);
	ret = ask_sure(g, "qC", deadline, err);
	return ret ? ret
		   : err_set(err, KSNAP_E_STATE,
			     "others let the guest go on as CPU %" PRIu64 " was stepped",
			     thread - 1);
}

static int step(struct gdb *g, uint64_t thread, uint64_t deadline, struct ksnap_err *err)
{
	uint64_t enough = clock_mono_ns() + STEP_MS * NS_PER_MS;
	int ret = choose(g, thread, deadline, err);
	char text[40];

	snprintf(text, sizeof(text), "vCont;s:%" PRIx64, thread);
	if (!ret)
		ret = send_text(g, text, err);
	if (!ret)
		ret = await_step(g, thread, enough, deadline, err);
	if (ret == KSNAP_E_TIMEOUT && g->fd >= 0 && send(g->fd, "\003", 1, MSG_NOSIGNAL) == 1)
		ret = await(g, true, deadline, err);
	if (ret == KSNAP_E_TIMEOUT)
		ret = lose(g, err, "does not answer");
	return ret ? ret : take_step(g, thread, err);
}

int gdb_step(struct gdb *g, uint64_t thread, bool is_woken, uint64_t deadline,
	     struct ksnap_err *err)
{
	int ret = 0;

	if (!g->can_step)
		return err_set(err, KSNAP_E_UNSUPPORTED, "this gdbstub cannot step one CPU");
	if (!is_woken)
		ret = refuse_halted(g, thread, deadline, err);
	return ret ? ret : step(g, thread, deadline, err);
}
