// SPDX-License-Identifier: MIT
/* stray.c - step CPUs, and see what they trap for. */
#include "capture/guest/stray.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "capture/guest/guest.h"

#define FIND_MS    200 /* that the guest may stand still for steps: waiting CPUs of KVM take long */
#define BEGIN_MS   2000 /* the same, without KVM: however busy the machine is */
#define ANSWER_MS  2000
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
	return 0;
}

/* ---- CPUs that may have a note --------------------------------------------------------------- */

static bool has_kvm(struct target *t)
{
	struct json answer, enabled;

	return qmp_call(&t->qmp, "query-kvm", NULL, in_ms(ANSWER_MS), &answer, NULL) ||
	       !json_member(answer, "enabled", &enabled) || !json_is(enabled, "false");
}

/* Has it given its note up? */
static bool step_clean(struct target *t, unsigned i, bool is_woken, uint64_t enough)
{
	if (!t->stop.is_stopped || clock_mono_ns() >= enough ||
	    gdb_step(&t->gdb, i + 1, is_woken, in_ms(ANSWER_MS), NULL))
		return false;
	if (gdb_poll(&t->gdb))
		guest_watches_take(t, &t->gdb.trap);
	gdb_forget_trap(&t->gdb);
	return true;
}

int stray_begin(struct target *t, struct ksnap_err *err)
{
	int ret = make_room(&t->stray, t->machine.kernel.ncpu, err);
	uint64_t enough = in_ms(BEGIN_MS);
	bool is_woken;

	if (ret)
		return ret;
	t->stray.has_kvm = has_kvm(t);
	if (t->stray.has_kvm)
		return 0;
	is_woken =
		t->stop.is_stopped && !gdb_interrupt(&t->gdb, RESCHEDULE, in_ms(ANSWER_MS), NULL);
	for (unsigned i = 0; i < t->stray.n; i++)
		t->stray.notes[i] = step_clean(t, i, is_woken, enough) ? STRAY_NONE : STRAY_BEFORE;
	gdb_forget_pause(&t->gdb);
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

void stray_overtake(struct target *t, const struct packet_stop *s)
{
	for (unsigned i = 0; !t->stray.has_kvm && i < t->stray.n; i++)
		if (i + 1 != s->thread && t->stray.notes[i] == STRAY_NONE)
			t->stray.notes[i] = STRAY_UNTOLD;
}

/* ---- traps that were lost -------------------------------------------------------------------- */

/* Does it trap for a watch of ours? */
static bool step(struct target *t, unsigned thread)
{
	if (gdb_step(&t->gdb, thread, false, in_ms(ANSWER_MS), NULL) || !gdb_poll(&t->gdb))
		return false;
	if (guest_watches_at(&t->watches, &t->gdb.trap))
		return true;
	gdb_forget_trap(&t->gdb);
	return false;
}

bool stray_find(struct target *t, uint64_t but)
{
	uint64_t enough = in_ms(FIND_MS);
	bool found = false;

	for (unsigned i = 1; !found && i <= t->machine.kernel.ncpu && t->gdb.fd >= 0; i++)
		found = i != but && clock_mono_ns() < enough && step(t, i);
	return found;
}
