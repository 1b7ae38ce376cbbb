// SPDX-License-Identifier: MIT
/* traps.c - match traps with what changed. */
#include "capture/guest/traps.h"

#include "base/clock.h"
#include "base/log.h"
#include "capture/guest/guest.h"
#include "capture/guest/writes.h"
#include "capture/memory/paging.h"

#define ANSWER_MS 2000
#define SETTLE_NS (50 * NS_PER_MS) /* after which CPUs are stepped though nothing calls for it */

/* qemu names one watch when an instruction, or several CPUs, hit more: values that changed tell. */
static void count_others(struct target *t, const struct guest_watch *but)
{
	for (unsigned i = 0; i < GUEST_WATCHES; i++) {
		struct guest_watch *w = &t->watches.armed[i];
		uint64_t v;

		if (!w->id || w == but || w->over)
			continue;
		v = guest_watches_value(t, w);
		if (v != w->old)
			log_debug("guest: a write to %s is told by its value only", w->symbol);
		w->suppressed += v != w->old;
		w->is_owed |= v != w->old;
		w->old = v;
	}
}

/* One besides @but whose value is another than it was, or NULL. */
static struct guest_watch *changed(struct target *t, const struct guest_watch *but)
{
	for (unsigned i = 0; i < GUEST_WATCHES; i++) {
		struct guest_watch *w = &t->watches.armed[i];

		if (w->id && w != but && guest_watches_value(t, w) != w->old)
			return w;
	}
	return NULL;
}

void traps_take(struct target *t, const struct packet_stop *s, const struct guest_watch *told)
{
	struct guest_watch *w = guest_watches_at(&t->watches, s);

	if (!w || w->over)
		return;
	space_forget(&t->machine.kernel.image.space);
	w->suppressed += !w->is_owed;
	w->is_owed = false;
	if (w != told)
		w->old = guest_watches_value(t, w);
}

bool traps_changed(struct target *t)
{
	return changed(t, NULL);
}

/* ---- stops without a trap -------------------------------------------------------------------- */

/* Others stop the guest, or have done so. */
static void doubt_all(struct target *t)
{
	space_forget(&t->machine.kernel.image.space);
	stray_doubt(t, 0, changed(t, NULL) ? STRAY_UNTOLD : STRAY_PAUSED);
}

void traps_pause(struct target *t)
{
	if (!t->gdb.pauses)
		return;
	stray_paused(&t->stray);
	gdb_forget_pauses(&t->gdb);
	if (t->gdb.fd < 0)
		return;
	doubt_all(t);
	if (guest_watches_are_of_boot(t))
		count_others(t, NULL);
}

/* Whoever stopped it before sees it stand still: no CPU is stepped. */
static bool was_stopped(const struct target *t)
{
	return !t->stop.is_stopped || t->stop.by & (t->stop.by - 1);
}

static bool find_trap(struct target *t)
{
	struct gdb_trap trap;

	if (!stray_find(t, 0, &trap))
		return false;
	stray_settle(t, trap.at.thread, guest_watches_at(&t->watches, &trap.at));
	if (t->gdb.fd >= 0)
		gdb_put_trap(&t->gdb, &trap);
	return true;
}

void traps_stopped(struct target *t)
{
	bool has_changed;

	if (t->gdb.fd < 0 || gdb_poll(&t->gdb))
		return;
	traps_pause(t);
	space_forget(&t->machine.kernel.image.space);
	if (!guest_watches_are_of_boot(t))
		return;
	has_changed = changed(t, NULL);
	if ((was_stopped(t) && !(t->stop.by & STOP_HIT)) || !stray_may_step(t))
		doubt_all(t);
	if (!was_stopped(t) && (has_changed || !t->stray.has_kvm) && find_trap(t))
		return;
	count_others(t, NULL);
}

/* ---- traps ----------------------------------------------------------------------------------- */

/* A trap at @w of which nothing changed. True: there was no write now. */
static bool is_late(struct guest_watch *w, enum stray_note note)
{
	if (note == STRAY_NONE && !w->is_owed)
		return false;
	log_debug("guest: a trap at %s is no write of now: %s", w->symbol,
		  note == STRAY_BEFORE ? "the first of its CPU"
		  : w->is_owed         ? "it was counted already"
				       : "it was one of before");
	w->suppressed += note != STRAY_NONE && note != STRAY_BEFORE && !w->is_owed;
	w->is_owed = false;
	return true;
}

/* The watch of the trap; NULL: there was no write now. */
static struct guest_watch *written(struct target *t, const struct packet_stop *s,
				   enum stray_note note)
{
	struct guest_watch *w = guest_watches_at(&t->watches, s);

	return w && guest_watches_value(t, w) == w->old && is_late(w, note) ? NULL : w;
}

/* Of which watch is the trap? It may be no write: the first one of its CPU, or the one of a write
 * that was counted already, or is now. When a value changed that it does not name, a trap was lost,
 * or this is a write, with the name of a watch that is no more. */
static struct guest_watch *examine(struct target *t, struct gdb_trap *trap, enum stray_note *note)
{
	struct guest_watch *w;

	*note = stray_take(t, &trap->at);
	w = written(t, &trap->at, *note);
	if ((w && (*note == STRAY_NONE || *note == STRAY_UNTOLD)) || !changed(t, NULL))
		return w;
	if (t->stop.by != STOP_HIT ||
	    !stray_find(t, *note == STRAY_NONE ? 0 : trap->at.thread, trap))
		return *note == STRAY_BEFORE && trap->at.is_watch ? changed(t, NULL) : w;
	*note = stray_take(t, &trap->at);
	return written(t, &trap->at, *note);
}

/* Of the bytes before @rip, as many as there are: nothing may be in the page before its own. */
static size_t read_code(struct space *s, uint64_t rip, uint8_t code[WRITES_MAX])
{
	size_t n = rip % PAGE_BYTES;

	if (space_read(s, rip - WRITES_MAX, code, WRITES_MAX))
		return WRITES_MAX;
	return n < WRITES_MAX && space_read(s, rip - n, code, n) ? n : 0;
}

/* Does it stand right behind an instruction that writes there? */
static bool stands_behind(struct target *t, struct gdb_trap *trap, const struct guest_watch *w)
{
	struct registers *r = &trap->before;
	uint64_t deadline = clock_mono_ns() + ANSWER_MS * NS_PER_MS;
	uint8_t code[WRITES_MAX];
	size_t n;

	if (!r->has && gdb_registers(&t->gdb, trap->at.thread, deadline, r, NULL))
		return false;
	n = read_code(&t->machine.kernel.image.space, r->v[REG_RIP], code);
	return writes_to(code, n, r, w->addr, w->len);
}

/* A CPU that has a note already when it writes traps at the end of qemu's block, which is not right
 * behind the write: nobody knows where that was. Does it stand behind one, it had none. */
static bool has_its_place(struct target *t, struct gdb_trap *trap, enum stray_note note,
			  const struct guest_watch *w)
{
	return note == STRAY_NONE || stands_behind(t, trap, w);
}

/* May the hit be told? As in the BPF program of live watches. */
static bool has_place(const struct guest_watch *w, uint64_t now)
{
	return w->due <= now + w->burst_ns;
}

static void take_place(struct guest_watch *w, uint64_t now)
{
	w->due = (w->due > now ? w->due : now) + w->interval_ns;
}

/* Stepping slows the guest down, so it is not done at each of many stops; but before one is told,
 * and when another CPU is known to have written. */
static bool must_step(struct target *t, const struct guest_watch *w, uint64_t now)
{
	return (w && has_place(w, now)) || changed(t, w) || now >= t->stray.settled_ns + SETTLE_NS;
}

static void step_others(struct target *t, const struct guest_watch *w, uint64_t thread,
			uint64_t now)
{
	if (t->stop.by == STOP_HIT && must_step(t, w, now))
		stray_settle(t, thread, w);
	else
		stray_doubt(t, thread, STRAY_UNTOLD);
}

struct guest_watch *traps_settle(struct target *t, struct gdb_trap *trap, uint64_t now)
{
	struct guest_watch *w;
	enum stray_note note;
	bool is_told;

	space_forget(&t->machine.kernel.image.space);
	if (!guest_watches_are_of_boot(t))
		return NULL;
	w = examine(t, trap, &note);
	step_others(t, w, trap->at.thread, now);
	if (trap->stirs != t->gdb.stirs) /* others let it go on since, and its CPU, too */
		stray_doubt(t, 0, STRAY_UNTOLD);
	count_others(t, w);
	if (!w || w->over)
		return NULL;
	is_told = has_place(w, now) && has_its_place(t, trap, note, w);
	/* What it is told for is no write of before: that trap may come yet, of another CPU. */
	w->is_owed &= is_told && stray_is_in_doubt(&t->stray);
	if (is_told) {
		take_place(w, now);
		return w;
	}
	w->suppressed++;
	w->old = guest_watches_value(t, w);
	return NULL;
}
