// SPDX-License-Identifier: MIT
/* stray.c - step CPUs, and see what they trap for. */
#include "capture/guest/stray.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "capture/guest/guest.h"
#include "capture/guest/traps.h"

#define FIND_MS    200 /* that the guest may stand still for steps: waiting CPUs of KVM take long */
#define BEGIN_MS   2000 /* the same, without KVM: however busy the machine is */
#define ANSWER_MS  2000
#define CALM_MS    200  /* without a stop, before CPUs are cleaned of what they may have */
#define ALONE_MS   1000 /* that others leave the guest alone, before CPUs are stepped */
#define STEPS      8    /* in which one instruction is done */
#define RESCHEDULE 0xfd /* Linux: look whether another thread should run; harmless at any time */

static uint64_t in_ms(uint64_t ms)
{
	return clock_mono_ns() + ms * NS_PER_MS;
}

void stray_fini(struct stray *s)
{
	free(s->notes);
	*s = (struct stray){ 0 };
}

static int make_room(struct stray *s, unsigned n, struct ksnap_err *err)
{
	if (n == s->n)
		return 0;
	stray_fini(s);
	s->notes = calloc(n, sizeof(*s->notes));
	if (!s->notes)
		return err_nomem(err);
	s->n = n;
	for (unsigned i = 0; i < n; i++)
		s->notes[i] = STRAY_BEFORE;
	return 0;
}

/* ---- CPUs that may have a note --------------------------------------------------------------- */

void stray_paused(struct stray *s)
{
	s->alone_ns = in_ms(ALONE_MS);
}

bool stray_may_step(const struct target *t)
{
	return !t->gdb.pauses && clock_mono_ns() >= t->stray.alone_ns;
}

static bool has_kvm(struct target *t)
{
	struct json answer, enabled;

	return qmp_call(&t->qmp, "query-kvm", NULL, in_ms(ANSWER_MS), &answer, NULL) ||
	       !json_member(answer, "enabled", &enabled) || !json_is(enabled, "false");
}

enum stepped { NOT_STEPPED, STEPPED, TRAPPED };

/* Does it trap for a watch of ours? Then that is @ret, which is left alone else. When others let
 * the guest go on, another CPU may trap in its place. */
static enum stepped step_once(struct target *t, unsigned thread, bool is_woken,
			      struct gdb_trap *ret)
{
	struct packet_stop s;

	if (gdb_step(&t->gdb, thread, is_woken, in_ms(ANSWER_MS), NULL) || !gdb_poll(&t->gdb))
		return NOT_STEPPED;
	gdb_forget_trap(&t->gdb);
	s = t->gdb.trap.at;
	if (s.thread != thread) {
		traps_take(t, &s, NULL);
		stray_doubt(t, s.thread, STRAY_UNTOLD);
		return NOT_STEPPED;
	}
	if (!guest_watches_at(&t->watches, &s))
		return STEPPED;
	*ret = t->gdb.trap;
	return TRAPPED;
}

/* Has it given its note up? */
static bool step_clean(struct target *t, unsigned thread, bool is_woken, uint64_t enough)
{
	struct gdb_trap trap;
	enum stepped how;

	if (!stray_may_step(t) || clock_mono_ns() >= enough)
		return false;
	how = step_once(t, thread, is_woken, &trap);
	if (how == TRAPPED)
		traps_take(t, &trap.at, NULL);
	return how != NOT_STEPPED;
}

static void clean_all(struct target *t)
{
	uint64_t enough = in_ms(BEGIN_MS);
	bool is_woken;

	if (gdb_poll(&t->gdb)) /* one of before */
		traps_take(t, &t->gdb.trap.at, NULL);
	gdb_forget_trap(&t->gdb);
	is_woken = !gdb_interrupt(&t->gdb, RESCHEDULE, in_ms(ANSWER_MS), NULL);

	for (unsigned i = 0; i < t->stray.n; i++)
		t->stray.notes[i] =
			step_clean(t, i + 1, is_woken, enough) ? STRAY_NONE : STRAY_BEFORE;
}

bool stray_is_in_doubt(const struct stray *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->notes[i] == STRAY_UNTOLD || s->notes[i] == STRAY_PAUSED)
			return true;
	return false;
}

bool stray_is_due(const struct target *t)
{
	return stray_may_step(t) && clock_mono_ns() >= t->stray.doubted_ns + CALM_MS * NS_PER_MS &&
	       stray_is_in_doubt(&t->stray);
}

/* Is it stopped by us, for a job, and may it be let go on for an instruction? */
static bool is_ours(const struct target *t)
{
	return t->stop.is_stopped && t->stop.by == STOP_JOB && stray_may_step(t);
}

void stray_clean(struct target *t)
{
	if (is_ours(t) && !t->stray.has_kvm)
		clean_all(t);
}

/* It is frozen, captured for a hit, or not left alone: it is known which CPU may have a note. */
static void keep_all(struct stray *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->notes[i] != STRAY_NONE)
			s->notes[i] = STRAY_BEFORE;
}

int stray_begin(struct target *t, struct ksnap_err *err)
{
	int ret = make_room(&t->stray, t->machine.kernel.ncpu, err);

	if (ret)
		return ret;
	t->stray.has_kvm = has_kvm(t);
	if (t->stray.has_kvm)
		memset(t->stray.notes, 0, t->stray.n * sizeof(*t->stray.notes));
	else if (is_ours(t))
		clean_all(t);
	else
		keep_all(&t->stray);
	return 0;
}

static bool is_known(const struct stray *s, uint64_t thread)
{
	return thread && thread <= s->n;
}

enum stray_note stray_take(struct target *t, const struct packet_stop *s)
{
	enum stray_note note;

	if (!is_known(&t->stray, s->thread))
		return STRAY_NONE;
	note = t->stray.notes[s->thread - 1];
	t->stray.notes[s->thread - 1] = STRAY_NONE;
	return note;
}

/* It may have a note of before already: it keeps that. */
static void doubt(struct target *t, unsigned thread, enum stray_note note)
{
	enum stray_note *is = &t->stray.notes[thread - 1];

	if (*is == STRAY_NONE || (*is == STRAY_PAUSED && note == STRAY_UNTOLD))
		*is = note;
	if (*is != STRAY_BEFORE)
		t->stray.doubted_ns = clock_mono_ns();
}

void stray_doubt(struct target *t, uint64_t but, enum stray_note note)
{
	for (unsigned i = 1; !t->stray.has_kvm && i <= t->stray.n; i++)
		if (i != but)
			doubt(t, i, note);
}

/* ---- traps that were lost -------------------------------------------------------------------- */

static bool look(struct target *t, unsigned thread, struct registers *ret)
{
	return !gdb_registers(&t->gdb, thread, in_ms(ANSWER_MS), ret, NULL);
}

/* In the middle of an atomic instruction a CPU may trap and get nowhere, and trap again for the
 * same write when that is done. @ret_now: its registers behind that. False: it is not. */
static bool finish(struct target *t, unsigned thread, const struct registers *before,
		   struct gdb_trap *ret, struct registers *ret_now)
{
	for (unsigned i = 0; i < STEPS && look(t, thread, ret_now); i++) {
		if (ret_now->v[REG_RIP] != before->v[REG_RIP])
			return true;
		step_once(t, thread, false, ret);
	}
	return false;
}

/* A step that trapped ends once more, for being a step, as soon as the CPU may run: nobody might be
 * here then to let the guest go on. */
static void drain(struct target *t, unsigned thread, const struct guest_watch *told)
{
	struct gdb_trap more;

	for (unsigned i = 0; i < STEPS && step_once(t, thread, false, &more) == TRAPPED; i++)
		traps_take(t, &more.at, told);
}

/* What is watched is the kernel's, and a CPU with a new note stands behind the write. */
static bool may_have_note(const struct target *t, unsigned thread, const struct registers *now)
{
	return t->stray.notes[thread - 1] != STRAY_NONE || now->v[REG_RIP] >> 63;
}

static enum stepped step(struct target *t, unsigned thread, struct gdb_trap *ret)
{
	struct registers before = { 0 }, now = { 0 };
	unsigned stirs = t->gdb.stirs;
	uint64_t values[GUEST_WATCHES];
	const struct guest_watch *w;
	enum stepped how;
	bool is_done;

	guest_watches_look(t, values);
	if (!look(t, thread, &before) || !may_have_note(t, thread, &before))
		return NOT_STEPPED;
	how = step_once(t, thread, false, ret);
	if (how != TRAPPED)
		return t->gdb.stirs == stirs ? how : NOT_STEPPED;
	is_done = finish(t, thread, &before, ret, &now);
	w = guest_watches_at(&t->watches, &ret->at);
	/* It had written, and went on by the step; or that was the write. */
	ret->before = guest_watches_value(t, w) == values[w - t->watches.armed] ? before : now;
	drain(t, thread, w);
	if (t->gdb.stirs == stirs)
		return TRAPPED;
	if (is_done) /* others let the guest go on: nobody knows where that was */
		traps_take(t, &ret->at, NULL);
	return NOT_STEPPED;
}

bool stray_find(struct target *t, uint64_t but, struct gdb_trap *ret)
{
	uint64_t enough = in_ms(FIND_MS);
	bool found = false;

	for (unsigned i = 1; !found && i <= t->stray.n && t->gdb.fd >= 0; i++)
		found = i != but && stray_may_step(t) && clock_mono_ns() < enough &&
			step(t, i, ret) == TRAPPED;
	return found;
}

static void settle(struct target *t, unsigned thread, const struct guest_watch *told)
{
	struct gdb_trap trap;
	enum stepped how = step(t, thread, &trap);

	if (how == TRAPPED)
		traps_take(t, &trap.at, told);
	if (how != NOT_STEPPED)
		t->stray.notes[thread - 1] = STRAY_NONE;
}

void stray_settle(struct target *t, uint64_t but, const struct guest_watch *told)
{
	uint64_t now = clock_mono_ns(), enough = in_ms(FIND_MS);

	t->stray.settled_ns = now;
	for (unsigned i = 1; !t->stray.has_kvm && i <= t->stray.n && t->gdb.fd >= 0; i++) {
		if (i == but)
			continue;
		if (stray_may_step(t) && clock_mono_ns() < enough)
			settle(t, i, told);
		else
			doubt(t, i, STRAY_UNTOLD);
	}
}
