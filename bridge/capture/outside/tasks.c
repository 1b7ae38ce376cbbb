// SPDX-License-Identifier: MIT
/* tasks.c - from init_task along the kernel's lists: processes, and the threads of each. */
#include "capture/outside/tasks.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/utf8.h"
#include "capture/outside/sched_ext.h"
#include "wire/pack.h"

#define CHECK_EVERY 64 /* threads between two looks at the clock */

struct tasks {
	struct kernel *k;
	struct buf rows;
	msgpack_packer pk;
	uint64_t deadline;
	uint32_t n, steps;
	uint64_t want, found; /* look for this thread alone; 0: take all */
	uint64_t cgroup;      /* rows are ids of what is in it; 0: rows for the report */
	bool threads;
	const char *partial; /* why some are missing */
};

static uint64_t number(struct kernel *k, uint64_t task, struct layout_member m)
{
	uint64_t v;

	kernel_member(k, task, m, &v);
	return v;
}

static void pack_number(msgpack_packer *pk, const char *key, uint64_t v)
{
	pack_str(pk, key);
	msgpack_pack_uint64(pk, v);
}

static void read_comm(struct kernel *k, uint64_t task, char comm[17])
{
	struct layout_member m = k->at.task_struct__comm;

	*comm = 0;
	if (m.size)
		space_string(&k->image.space, task + m.off, comm, m.size < 17 ? m.size + 1 : 17);
	comm[utf8_sound(comm, strlen(comm))] = 0;
}

static void pack_comm(msgpack_packer *pk, struct kernel *k, uint64_t task)
{
	char comm[17];

	read_comm(k, task, comm);
	pack_str(pk, comm);
}

static uint64_t cpu_of(struct kernel *k, uint64_t task)
{
	if (k->at.task_struct__thread_info.size && k->at.thread_info__cpu.size)
		return number(k, task + k->at.task_struct__thread_info.off, k->at.thread_info__cpu);
	return number(k, task, k->at.task_struct__cpu);
}

/* Its cgroup in the v2 hierarchy; 0: none is known. */
static uint64_t cgroup_of(struct kernel *k, uint64_t task)
{
	uint64_t at = task;

	if (!kernel_member(k, at, k->at.task_struct__cgroups, &at) ||
	    !kernel_member(k, at, k->at.css_set__dfl_cgrp, &at))
		return 0;
	return at;
}

static uint64_t cgroup_id(struct kernel *k, uint64_t cgroup)
{
	uint64_t kn, id;

	if (!cgroup || !kernel_member(k, cgroup, k->at.cgroup__kn, &kn) ||
	    !kernel_member(k, kn, k->at.kernfs_node__id, &id))
		return 0;
	return id;
}

static void pack_task(struct tasks *t, uint64_t task)
{
	const struct layout *at = &t->k->at;
	uint64_t parent = number(t->k, task, at->task_struct__real_parent);
	struct layout_member state =
		at->task_struct____state.size ? at->task_struct____state : at->task_struct__state;
	uint64_t cgroup = cgroup_id(t->k, cgroup_of(t->k, task));
	_buf_ struct buf scx = BUF_INIT;
	msgpack_packer pk;
	unsigned more;

	pack_init(&pk, &scx);
	more = sched_ext_pack_task(t->k, task, &pk);
	msgpack_pack_map(&t->pk, 10 + !!cgroup + more);
	pack_number(&t->pk, "pid", number(t->k, task, at->task_struct__tgid));
	pack_number(&t->pk, "tid", number(t->k, task, at->task_struct__pid));
	pack_number(&t->pk, "ppid", number(t->k, parent, at->task_struct__tgid));
	pack_str(&t->pk, "comm");
	pack_comm(&t->pk, t->k, task);
	pack_number(&t->pk, "state", number(t->k, task, state) & UINT32_MAX);
	pack_number(&t->pk, "cpu", cpu_of(t->k, task));
	pack_number(&t->pk, "on_rq", number(t->k, task, at->task_struct__on_rq));
	pack_number(&t->pk, "prio", number(t->k, task, at->task_struct__prio));
	pack_number(&t->pk, "start_time", number(t->k, task, at->task_struct__start_time));
	pack_number(&t->pk, "runtime_ns",
		    number(t->k, task + at->task_struct__se.off,
			   at->sched_entity__sum_exec_runtime));
	if (cgroup)
		pack_number(&t->pk, "cgroup", cgroup);
	t->rows.failed |= !buf_ok(&scx);
	if (more)
		buf_append(&t->rows, scx.data, scx.len);
	t->n++;
}

/* Its id, when it is in the cgroup; of its threads the first one stands for a process. */
static void take_member(struct tasks *t, uint64_t task)
{
	uint32_t tid = number(t->k, task, t->k->at.task_struct__pid);

	if (cgroup_of(t->k, task) != t->cgroup)
		return;
	if (t->threads || tid == number(t->k, task, t->k->at.task_struct__tgid))
		buf_append(&t->rows, &tid, sizeof(tid));
}

static void take_task(struct tasks *t, uint64_t task)
{
	if (t->cgroup)
		take_member(t, task);
	else if (!t->want)
		pack_task(t, task);
	else if (number(t->k, task, t->k->at.task_struct__pid) == t->want)
		t->found = task;
}

/* May one more be looked at? */
static bool step(struct tasks *t)
{
	if (t->partial || t->found)
		return false;
	if (t->steps++ == TASKS_MAX)
		t->partial = "there are more of them, or their list leads back to itself";
	else if (t->steps % CHECK_EVERY == 0 && clock_mono_ns() >= t->deadline)
		t->partial = "the deadline passed";
	return !t->partial;
}

static bool next(struct tasks *t, uint64_t *node)
{
	if (space_u64(&t->k->image.space, *node, node))
		return true;
	t->partial = "their list leads out of memory";
	return false;
}

/* The threads of a process: its list begins in what they share. */
static void walk_threads(struct tasks *t, uint64_t leader)
{
	const struct layout *at = &t->k->at;
	uint64_t signal, head, node;

	if (!kernel_member(t->k, leader, at->task_struct__signal, &signal)) {
		t->partial = "a process cannot be read";
		return;
	}
	head = node = signal + at->signal_struct__thread_head.off;
	while (next(t, &node) && node != head && step(t))
		take_task(t, node - at->task_struct__thread_node.off);
}

/* init_task, the idle task of the first CPU, begins the list and is no process. */
static void walk_processes(struct tasks *t, uint64_t init)
{
	uint64_t off = t->k->at.task_struct__tasks.off, head = init + off, node = head;

	while (next(t, &node) && node != head && step(t))
		walk_threads(t, node - off);
}

static bool is_known(const struct layout *at)
{
	return at->task_struct__tasks.size && at->task_struct__signal.size &&
	       at->signal_struct__thread_head.size && at->task_struct__thread_node.size &&
	       at->task_struct__pid.size;
}

static int write_key(struct tasks *t, struct report_builder *rb, struct ksnap_err *err)
{
	_buf_ struct buf list = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &list);
	msgpack_pack_array(&pk, t->n);
	if (t->rows.len)
		buf_append(&list, t->rows.data, t->rows.len);
	if (!buf_ok(&t->rows) || !buf_ok(&list))
		return err_nomem(err);
	return report_key(rb, "tasks", &list, err);
}

int tasks_report(struct kernel *k, uint64_t deadline, struct report_builder *rb,
		 struct ksnap_err *err)
{
	struct tasks t = { .k = k, .deadline = deadline };
	uint64_t init;
	int ret;

	pack_init(&t.pk, &t.rows);
	if (!is_known(&k->at) || !symbols_find(&k->image.symbols, "init_task", &init))
		t.partial = "the kernel's symbols or types do not tell where they are";
	else
		walk_processes(&t, init);
	ret = write_key(&t, rb, err);
	buf_fini(&t.rows);
	if (ret || !t.partial)
		return ret;
	return report_reason(rb, "tasks_partial", NULL, UINT64_MAX, t.n,
			     "of the threads %u were read: %s", t.n, t.partial);
}

uint64_t task_find(struct kernel *k, uint64_t tid)
{
	struct tasks t = { .k = k, .deadline = UINT64_MAX, .want = tid };
	uint64_t init;

	if (tid && is_known(&k->at) && symbols_find(&k->image.symbols, "init_task", &init))
		walk_processes(&t, init);
	return t.found;
}

/* ---- who runs -------------------------------------------------------------------------------- */

/* The kernel's own answer; its run queue names the next task a little before that runs. */
static uint64_t current_of(struct kernel *k, unsigned cpu)
{
	struct layout_member hot = k->at.pcpu_hot__current_task, curr = k->at.rq__curr;
	const struct symbols *s = &k->image.symbols;
	uint64_t at, task = 0;

	if (hot.size && symbols_find(s, "pcpu_hot", &at))
		at += hot.off;
	else if (!symbols_find(s, "current_task", &at)) {
		if (!curr.size || !symbols_find(s, "runqueues", &at))
			return 0;
		at += curr.off;
	}
	space_u64(&k->image.space, at + k->cpu_offset[cpu], &task);
	return task;
}

void task_running(struct kernel *k, unsigned cpu, struct running *ret)
{
	const struct layout *at = &k->at;
	uint64_t set, group, node;

	*ret = (struct running){ 0 };
	if (cpu >= k->ncpu)
		return;
	ret->task = current_of(k, cpu);
	if (!ret->task)
		return;
	ret->pid = number(k, ret->task, at->task_struct__tgid);
	ret->tid = number(k, ret->task, at->task_struct__pid);
	read_comm(k, ret->task, ret->comm);
	set = number(k, ret->task, at->task_struct__cgroups);
	group = set ? number(k, set, at->css_set__dfl_cgrp) : 0;
	node = group ? number(k, group, at->cgroup__kn) : 0;
	ret->cgroup = node ? number(k, node, at->kernfs_node__id) : 0;
}

int tasks_of_cgroup(struct kernel *k, uint64_t cgroup, bool threads, struct buf *ids,
		    struct ksnap_err *err)
{
	struct tasks t = { .k = k, .deadline = UINT64_MAX, .cgroup = cgroup, .threads = threads };
	uint64_t init;

	if (!is_known(&k->at) || !k->at.task_struct__cgroups.size ||
	    !symbols_find(&k->image.symbols, "init_task", &init))
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "the kernel's symbols or types do not tell where its threads are");
	walk_processes(&t, init);
	if (t.partial)
		err_set(err, KSNAP_E_TARGET, "not all threads could be looked at: %s", t.partial);
	else if (!buf_ok(&t.rows))
		err_nomem(err);
	if (t.partial || !buf_ok(&t.rows)) {
		buf_fini(&t.rows);
		return err->code;
	}
	*ids = t.rows;
	return 0;
}
