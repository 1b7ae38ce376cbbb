// SPDX-License-Identifier: MIT
/* cpus.c - run queues, time and registers of each CPU. */
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/utf8.h"
#include "capture/outside/sched_ext.h"
#include "capture/outside/tasks.h"
#include "capture/outside/text_name.h"
#include "wire/pack.h"

#define SOFTIRQS_MAX 64 /* kinds; kernels have 10 */

struct cpu_row {
	struct kernel *k;
	uint64_t rq, stat, counts, tick; /* addresses of this CPU's; 0: not known */
	const struct registers *regs;
	struct buf out;
	msgpack_packer pk;
	unsigned nkeys;
};

static void put_number(struct cpu_row *r, const char *key, uint64_t v)
{
	pack_str(&r->pk, key);
	msgpack_pack_uint64(&r->pk, v);
	r->nkeys++;
}

/* What the kernel does not have, or memory does not, is absent. */
static void put_member(struct cpu_row *r, const char *key, uint64_t at, struct layout_member m)
{
	uint64_t v;

	if (at && kernel_member(r->k, at, m, &v))
		put_number(r, key, v);
}

static void put_current(struct cpu_row *r)
{
	const struct layout *at = &r->k->at;
	struct layout_member m = at->task_struct__comm;
	char comm[17] = "";
	uint64_t task;

	if (!r->rq || !kernel_member(r->k, r->rq, at->rq__curr, &task))
		return;
	put_member(r, "curr", task, at->task_struct__pid);
	if (m.size != 16 || !space_string(&r->k->image.space, task + m.off, comm, sizeof(comm)))
		return;
	comm[utf8_sound(comm, strlen(comm))] = 0;
	pack_str(&r->pk, "curr_comm");
	pack_str(&r->pk, comm);
	r->nkeys++;
}

/* In the order of the kernel's enum cpu_usage_stat. */
static void put_times(struct cpu_row *r)
{
	static const char *const names[] = { "user_ns", "nice_ns", "system_ns", "softirq_ns",
					     "irq_ns",  "idle_ns", "iowait_ns", "steal_ns" };
	struct layout_member all = r->k->at.kernel_cpustat__cpustat;

	for (uint32_t i = 0; r->stat && i < ARRAY_SIZE(names) && 8 * (i + 1) <= all.size; i++)
		put_member(r, names[i], r->stat, (struct layout_member){ all.off + 8 * i, 8 });
}

/* Times that the CPU's own clock tick counts while it stands still; those above may lag behind. */
static void put_sleep(struct cpu_row *r)
{
	put_member(r, "idle_sleep_ns", r->tick, r->k->at.tick_sched__idle_sleeptime);
	put_member(r, "iowait_sleep_ns", r->tick, r->k->at.tick_sched__iowait_sleeptime);
}

/* In the order of the kernel's own enum, 4 bytes each. */
static void put_interrupts(struct cpu_row *r)
{
	struct layout_member m = r->k->at.kernel_stat__softirqs;
	uint32_t counts[SOFTIRQS_MAX];
	size_t n = m.size / sizeof(*counts);

	put_member(r, "irqs", r->counts, r->k->at.kernel_stat__irqs_sum);
	if (!r->counts || !n || n > SOFTIRQS_MAX ||
	    !space_read(&r->k->image.space, r->counts + m.off, counts, n * sizeof(*counts)))
		return;
	pack_str(&r->pk, "softirqs");
	msgpack_pack_array(&r->pk, n);
	for (size_t i = 0; i < n; i++)
		msgpack_pack_uint32(&r->pk, counts[i]);
	r->nkeys++;
}

static void put_symbol(struct cpu_row *r)
{
	char text[600];

	if (!text_name(r->k, r->regs->v[REG_RIP], text, sizeof(text)))
		return;
	pack_str(&r->pk, "sym");
	pack_str(&r->pk, text);
	r->nkeys++;
}

static void put_registers(struct cpu_row *r)
{
	if (!r->regs || !r->regs->has)
		return;
	pack_str(&r->pk, "regs");
	msgpack_pack_map(&r->pk, __builtin_popcount(r->regs->has));
	for (int i = 0; i < REGS; i++) {
		if (!(r->regs->has >> i & 1))
			continue;
		pack_str(&r->pk, register_names[i]);
		msgpack_pack_uint64(&r->pk, r->regs->v[i]);
	}
	r->nkeys++;
	put_symbol(r);
}

static void put_row(struct cpu_row *r, unsigned cpu)
{
	const struct layout *at = &r->k->at;

	put_number(r, "cpu", cpu);
	put_member(r, "nr_running", r->rq, at->rq__nr_running);
	put_member(r, "nr_switches", r->rq, at->rq__nr_switches);
	put_member(r, "clock", r->rq, at->rq__clock);
	put_current(r);
	put_times(r);
	put_sleep(r);
	put_interrupts(r);
	put_registers(r);
	r->nkeys += sched_ext_pack_cpu(r->k, r->rq, &r->pk);
}

static uint64_t of_cpu(struct kernel *k, const char *name, unsigned i)
{
	uint64_t at;

	return symbols_find(&k->image.symbols, name, &at) ? at + k->cpu_offset[i] : 0;
}

static void append_row(struct kernel *k, unsigned i, const struct registers *regs, struct buf *list)
{
	struct cpu_row r = { .k = k,
			     .rq = of_cpu(k, "runqueues", i),
			     .stat = of_cpu(k, "kernel_cpustat", i),
			     .counts = of_cpu(k, "kstat", i),
			     .tick = of_cpu(k, "tick_cpu_sched", i),
			     .regs = regs };
	msgpack_packer pk;

	pack_init(&r.pk, &r.out);
	put_row(&r, k->cpu_id[i]);
	pack_init(&pk, list);
	msgpack_pack_map(&pk, r.nkeys);
	list->failed |= !buf_ok(&r.out);
	if (r.out.len)
		buf_append(list, r.out.data, r.out.len);
	buf_fini(&r.out);
}

int cpus_report(struct kernel *k, const struct registers *regs, size_t n, struct report_builder *rb,
		struct ksnap_err *err)
{
	_buf_ struct buf list = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &list);
	msgpack_pack_array(&pk, k->ncpu);
	for (unsigned i = 0; i < k->ncpu; i++)
		append_row(k, i, i < n ? &regs[i] : NULL, &list);
	return buf_ok(&list) ? report_key(rb, "cpus", &list, err) : err_nomem(err);
}
