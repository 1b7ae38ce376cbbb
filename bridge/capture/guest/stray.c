// SPDX-License-Identifier: MIT
/* stray.c - step CPUs, and see what they trap for. */
#include "capture/guest/stray.h"

#include "base/clock.h"
#include "capture/guest/guest.h"

#define STEPS_MS  200 /* that the guest may stand still for steps: waiting CPUs of KVM take long */
#define ANSWER_MS 2000

static uint64_t in_ms(uint64_t ms)
{
	return clock_mono_ns() + ms * NS_PER_MS;
}

static unsigned threads_of(const struct target *t)
{
	return t->machine.kernel.ncpu < 64 ? t->machine.kernel.ncpu : 64;
}

void stray_begin(struct target *t)
{
	uint64_t enough = in_ms(STEPS_MS);

	t->stray.suspects = 0;
	for (unsigned i = 1; i <= threads_of(t); i++)
		if (clock_mono_ns() >= enough || gdb_step(&t->gdb, i, in_ms(ANSWER_MS), NULL))
			t->stray.suspects |= 1ull << (i - 1);
	gdb_forget_trap(&t->gdb);
	gdb_forget_pause(&t->gdb);
}

bool stray_is_first(struct target *t, const struct packet_stop *s)
{
	uint64_t bit = s->thread && s->thread <= 64 ? 1ull << (s->thread - 1) : 0;
	bool is_first = t->stray.suspects & bit;

	t->stray.suspects &= ~bit;
	return is_first;
}

/* Does it trap for a watch of ours? */
static bool step(struct target *t, unsigned thread)
{
	if (gdb_step(&t->gdb, thread, in_ms(ANSWER_MS), NULL) || !gdb_poll(&t->gdb))
		return false;
	if (guest_watches_at(&t->watches, &t->gdb.trap))
		return true;
	gdb_forget_trap(&t->gdb);
	return false;
}

bool stray_find(struct target *t)
{
	uint64_t enough = in_ms(STEPS_MS);
	bool found = false;

	for (unsigned i = 1; !found && i <= threads_of(t) && t->gdb.fd >= 0; i++)
		found = clock_mono_ns() < enough && step(t, i);
	return found;
}
