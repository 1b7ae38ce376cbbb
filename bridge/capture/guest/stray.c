// SPDX-License-Identifier: MIT
/* stray.c - step CPUs, and see what they trap for. */
#include "capture/guest/stray.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "capture/guest/guest.h"
#include "capture/outside/spot.h"
#include "capture/symbol.h"

#define STEPS_MS   200 /* that the guest may stand still for steps: waiting CPUs of KVM take long */
#define ANSWER_MS  2000
#define COUNTS     "irq_stat" /* a variable of each CPU */
#define COUNTS_MAX 1024       /* bytes of it */
#define PAGE       4096
#define PASSED     2 /* times that counts are seen to change: the first may be that of a trap */

static uint64_t in_ms(uint64_t ms)
{
	return clock_mono_ns() + ms * NS_PER_MS;
}

void stray_fini(struct stray *s)
{
	free(s->cpus);
	*s = (struct stray){ 0 };
}

static int make_room(struct stray *s, unsigned n, struct ksnap_err *err)
{
	if (n == s->n)
		return 0;
	stray_fini(s);
	s->cpus = calloc(n, sizeof(*s->cpus));
	if (!s->cpus)
		return err_nomem(err);
	s->n = n;
	return 0;
}

/* ---- tripwires ------------------------------------------------------------------------------- */

static bool has_kvm(struct target *t)
{
	struct json answer, enabled;

	return qmp_call(&t->qmp, "query-kvm", NULL, in_ms(ANSWER_MS), &answer, NULL) ||
	       !json_member(answer, "enabled", &enabled) || !json_is(enabled, "false");
}

static uint64_t sum_of(struct target *t, const struct stray_cpu *c)
{
	uint8_t bytes[COUNTS_MAX] = { 0 };
	uint64_t sum = 0;

	space_read(&t->machine.kernel.image.space, c->counts, bytes, c->len);
	for (unsigned i = 0; i < c->len; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

/* On the last of their bytes, which is there to fill a line: on all of the page each write that
 * follows a note traps, and this one comes never. */
static void set_wire(struct target *t, unsigned i)
{
	struct stray_cpu *c = &t->stray.cpus[i];
	char symbol[SYMBOL_MAX];
	const struct kernel_at at = { .symbol = symbol };
	struct spot s;

	snprintf(symbol, sizeof(symbol), "per_cpu:" COUNTS "@%u", t->machine.kernel.cpu_id[i]);
	if (c->wire || t->gdb.fd < 0 ||
	    spot_find(&t->machine.kernel, &t->machine.seen, &at, &s, NULL) || !s.btf.size ||
	    s.btf.size > COUNTS_MAX || s.addr % PAGE + s.btf.size > PAGE)
		return;
	c->counts = s.addr;
	c->len = s.btf.size;
	c->sum = sum_of(t, c);
	c->times = 0;
	if (gdb_watch(&t->gdb, s.addr + s.btf.size - 1, 1, in_ms(ANSWER_MS), NULL))
		return;
	c->wire = s.addr + s.btf.size - 1;
	t->stray.nwires++;
}

static void take_wire(struct target *t, struct stray_cpu *c)
{
	if (!c->wire || t->gdb.fd < 0)
		return;
	gdb_unwatch(&t->gdb, c->wire, 1, in_ms(ANSWER_MS), NULL);
	c->wire = 0;
	t->stray.nwires--;
}

void stray_tidy(struct target *t)
{
	for (unsigned i = 0; t->stray.nwires && i < t->stray.n; i++) {
		struct stray_cpu *c = &t->stray.cpus[i];
		uint64_t sum = c->wire ? sum_of(t, c) : c->sum;

		if (sum == c->sum)
			continue;
		c->sum = sum;
		if (++c->times < PASSED)
			continue;
		c->is_suspect = false;
		take_wire(t, c);
	}
}

void stray_end(struct target *t)
{
	for (unsigned i = 0; i < t->stray.n; i++)
		take_wire(t, &t->stray.cpus[i]);
	stray_fini(&t->stray);
}

/* ---- CPUs that may have a note --------------------------------------------------------------- */

/* Has it given its note up? */
static bool step_clean(struct target *t, unsigned i, uint64_t enough)
{
	if (!t->stop.is_stopped || clock_mono_ns() >= enough ||
	    gdb_step(&t->gdb, i + 1, in_ms(ANSWER_MS), NULL))
		return false;
	if (gdb_poll(&t->gdb))
		guest_watches_take(t, &t->gdb.trap);
	gdb_forget_trap(&t->gdb);
	return true;
}

int stray_begin(struct target *t, struct ksnap_err *err)
{
	int ret = make_room(&t->stray, t->machine.kernel.ncpu, err);
	uint64_t enough = in_ms(STEPS_MS);

	if (ret || has_kvm(t))
		return ret;
	for (unsigned i = 0; i < t->stray.n; i++) {
		t->stray.cpus[i].is_suspect = !step_clean(t, i, enough);
		if (t->stray.cpus[i].is_suspect)
			set_wire(t, i);
	}
	log_debug("guest: %u CPUs have a tripwire", t->stray.nwires);
	gdb_forget_pause(&t->gdb);
	return 0;
}

bool stray_is_first(struct target *t, const struct packet_stop *s)
{
	bool is_known = s->thread && s->thread <= t->stray.n, is_first;

	if (!is_known)
		return false;
	is_first = t->stray.cpus[s->thread - 1].is_suspect;
	t->stray.cpus[s->thread - 1].is_suspect = false;
	return is_first;
}

/* ---- traps that were lost -------------------------------------------------------------------- */

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

bool stray_find(struct target *t, uint64_t but)
{
	uint64_t enough = in_ms(STEPS_MS);
	bool found = false;

	for (unsigned i = 1; !found && i <= t->machine.kernel.ncpu && t->gdb.fd >= 0; i++)
		found = i != but && clock_mono_ns() < enough && step(t, i);
	return found;
}
