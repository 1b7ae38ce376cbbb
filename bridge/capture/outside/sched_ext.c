// SPDX-License-Identifier: MIT
/* sched_ext.c - the scheduler, its queues, what it knows of CPUs and threads. */
#include "capture/outside/sched_ext.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/utf8.h"
#include "capture/outside/nodes.h"
#include "wire/pack.h"

#define OPS_NAME   128
#define EVENTS_MAX 256
#define IS_CURSOR  1u /* of a list's node: it marks where somebody iterates, and is no thread */

struct sched {
	struct kernel *k;
	uint64_t root; /* the struct scx_sched; 0: there is none */
	uint64_t deadline;
	bool runs;
	struct buf facts, queues;
	msgpack_packer pk;
	unsigned nfacts, nqueues, steps;
	const char *partial; /* why some is missing */
};

/* ---- numbers --------------------------------------------------------------------------------- */

static uint64_t symbol(struct kernel *k, const char *name)
{
	uint64_t at;

	return symbols_find(&k->image.symbols, name, &at) ? at : 0;
}

static uint64_t pointer_at(struct kernel *k, uint64_t at)
{
	uint64_t v = 0;

	if (at)
		space_u64(&k->image.space, at, &v);
	return v;
}

static void pack_uint(msgpack_packer *pk, const char *key, uint64_t v)
{
	pack_str(pk, key);
	msgpack_pack_uint64(pk, v);
}

static unsigned pack_member(struct kernel *k, msgpack_packer *pk, const char *key, uint64_t at,
			    struct layout_member m)
{
	uint64_t v;

	if (!at || !kernel_member(k, at, m, &v))
		return 0;
	pack_uint(pk, key, v);
	return 1;
}

static unsigned pack_signed(struct kernel *k, msgpack_packer *pk, const char *key, uint64_t at,
			    struct layout_member m)
{
	uint64_t v;

	if (m.size != 4 || !kernel_member(k, at, m, &v))
		return 0;
	pack_str(pk, key);
	msgpack_pack_int64(pk, (int32_t)v);
	return 1;
}

/* ---- what it says of itself ------------------------------------------------------------------ */

static const struct fact {
	const char *key, *names[2];
	uint32_t size;
} facts[] = {
	{ "nr_rejected", { "scx_nr_rejected", NULL }, 8 },
	{ "hotplug_seq", { "scx_hotplug_seq", NULL }, 8 },
	{ "enable_seq", { "scx_enable_seq", NULL }, 8 },
	{ "watchdog_jiffies", { "scx_watchdog_timeout", NULL }, 8 },
	{ "exit_kind", { "scx_exit_kind", NULL }, 4 },
	{ "bypass_depth", { "scx_bypass_depth", "scx_ops_bypass_depth" }, 4 },
	{ "aborting", { "scx_aborting", NULL }, 1 },
};

/* The member of what scx_root points to comes before the variable. */
static struct layout_member member_of(const struct layout *at, const char *key)
{
	if (!strcmp(key, "exit_kind"))
		return at->scx_sched__exit_kind;
	if (!strcmp(key, "bypass_depth"))
		return at->scx_sched__bypass_depth;
	return strcmp(key, "aborting") ? (struct layout_member){ 0 } : at->scx_sched__aborting;
}

static void put_facts(struct sched *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		const struct fact *f = &facts[i];
		struct layout_member whole = { 0, f->size };
		unsigned n =
			pack_member(s->k, &s->pk, f->key, s->root, member_of(&s->k->at, f->key));

		for (size_t j = 0; !n && j < ARRAY_SIZE(f->names) && f->names[j]; j++)
			n = pack_member(s->k, &s->pk, f->key, symbol(s->k, f->names[j]), whole);
		s->nfacts += n;
	}
}

/* The name of value @v of an enum, without what all of them begin with, in small letters. */
static bool name_of(const struct btf *btf, const char *type, const char *begin, uint64_t v,
		    char *buf, size_t cap)
{
	int32_t id = btf__find_by_name_kind(btf, type, BTF_KIND_ENUM);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, id) : NULL;

	for (unsigned i = 0; t && i < btf_vlen(t); i++) {
		const struct btf_enum *e = &btf_enum(t)[i];
		const char *name = btf__name_by_offset(btf, e->name_off);

		if ((uint32_t)e->val != (uint32_t)v || !name || strncmp(name, begin, strlen(begin)))
			continue;
		snprintf(buf, cap, "%s", name + strlen(begin));
		for (char *c = buf; *c; c++)
			*c = tolower((unsigned char)*c);
		return true;
	}
	return false;
}

static void put_text(struct sched *s, const char *key, const char *text)
{
	pack_str(&s->pk, key);
	pack_str(&s->pk, text);
	s->nfacts++;
}

static void put_state(struct sched *s)
{
	const struct btf *btf = s->k->btf;
	uint64_t at = symbol(s->k, "scx_enable_state_var"), v;
	char name[64];

	if (!at)
		at = symbol(s->k, "scx_ops_enable_state_var");
	if (!at || !kernel_member(s->k, at, (struct layout_member){ 0, 4 }, &v))
		return;
	if (!name_of(btf, "scx_enable_state", "SCX_", v, name, sizeof(name)) &&
	    !name_of(btf, "scx_ops_enable_state", "SCX_OPS_", v, name, sizeof(name)))
		return;
	put_text(s, "state", name);
	s->runs = strcmp(name, "disabled");
}

static void put_name(struct sched *s)
{
	const struct layout *at = &s->k->at;
	uint64_t ops = s->root ? s->root + at->scx_sched__ops.off : symbol(s->k, "scx_ops");
	char name[OPS_NAME];

	if (!ops || !at->sched_ext_ops__name.size || (s->root && !at->scx_sched__ops.size) ||
	    !space_string(&s->k->image.space, ops + at->sched_ext_ops__name.off, name,
			  sizeof(name)))
		return;
	name[utf8_sound(name, strlen(name))] = 0;
	if (*name)
		put_text(s, "ops", name);
}

/* ---- event counters -------------------------------------------------------------------------- */

/* Per-CPU address of the counters. */
static uint64_t counters_of(struct sched *s)
{
	const struct layout *at = &s->k->at;
	uint64_t v;

	if (s->root && kernel_member(s->k, s->root, at->scx_sched__event_stats_cpu, &v))
		return v;
	if (s->root && at->scx_sched_pcpu__event_stats.size &&
	    kernel_member(s->k, s->root, at->scx_sched__pcpu, &v))
		return v + at->scx_sched_pcpu__event_stats.off;
	return symbol(s->k, "event_stats_cpu");
}

static uint64_t sum_of(struct sched *s, uint64_t at)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->k->ncpu; i++)
		sum += pointer_at(s->k, at + s->k->cpu_offset[i]);
	return sum;
}

static void put_events(struct sched *s)
{
	int32_t id = btf__find_by_name_kind(s->k->btf, "scx_event_stats", BTF_KIND_STRUCT);
	const struct btf_type *t = id > 0 ? btf__type_by_id(s->k->btf, id) : NULL;
	uint64_t at = counters_of(s);
	unsigned n = t ? btf_vlen(t) : 0;

	if (!at || !n || n > EVENTS_MAX)
		return;
	pack_str(&s->pk, "events");
	msgpack_pack_array(&s->pk, n);
	for (unsigned i = 0; i < n; i++) {
		const struct btf_member *m = &btf_members(t)[i];

		msgpack_pack_map(&s->pk, 2);
		pack_str(&s->pk, "name");
		pack_str(&s->pk, btf__name_by_offset(s->k->btf, m->name_off));
		pack_uint(&s->pk, "count", sum_of(s, at + btf_member_bit_offset(t, i) / 8));
	}
	s->nfacts++;
}

/* ---- lists of threads ------------------------------------------------------------------------ */

struct list {
	uint64_t head;
	uint64_t to_task; /* from a node back to its thread */
	int64_t to_flags; /* from a node to its flags; 0: it has none */
};

/* Their ids, uint32_t each. NULL, or why that is not all of them. */
static const char *list_tids(struct kernel *k, const struct list *l, unsigned *steps,
			     struct buf *tids)
{
	uint64_t node = l->head, tid;
	uint32_t flags = 0, tid32;

	for (;;) {
		if (!space_u64(&k->image.space, node, &node))
			return "a list of threads leads out of memory";
		if (node == l->head)
			return NULL;
		if (++*steps > SCHED_EXT_TASKS)
			return "there are more threads, or their list leads back to itself";
		if (l->to_flags && !space_u32(&k->image.space, node + l->to_flags, &flags))
			return "a list of threads leads out of memory";
		if (flags & IS_CURSOR)
			continue;
		if (!kernel_member(k, node - l->to_task, k->at.task_struct__pid, &tid))
			return "a thread in a list is not in memory";
		tid32 = tid;
		buf_append(tids, &tid32, sizeof(tid32));
	}
}

static void pack_tids(msgpack_packer *pk, const char *key, const struct buf *tids)
{
	const uint32_t *ids = (const uint32_t *)tids->data;
	size_t n = tids->len / sizeof(*ids);

	pack_str(pk, key);
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		msgpack_pack_uint32(pk, ids[i]);
}

/* ---- queues ---------------------------------------------------------------------------------- */

static bool can_walk(const struct layout *at)
{
	return at->scx_dispatch_q__list.size && at->task_struct__scx.size &&
	       at->sched_ext_entity__dsq_list.size && at->task_struct__pid.size;
}

/* May one more queue be looked at? */
static bool step(struct sched *s)
{
	if (s->partial)
		return false;
	if (s->nqueues == SCHED_EXT_QUEUES)
		s->partial = "there are more queues, or their list leads back to itself";
	else if (clock_mono_ns() >= s->deadline)
		s->partial = "the deadline passed";
	return !s->partial;
}

static void pack_name(struct sched *s, msgpack_packer *pk, uint64_t q, const char *origin,
		      const unsigned *where)
{
	char name[40];
	uint64_t id;

	kernel_member(s->k, q, s->k->at.scx_dispatch_q__id, &id);
	if (where)
		snprintf(name, sizeof(name), "%s %u", origin, *where);
	else
		snprintf(name, sizeof(name), "%s 0x%" PRIx64, origin, id);
	pack_str(pk, "name");
	pack_str(pk, name);
	pack_str(pk, "origin");
	pack_str(pk, origin);
	if (where)
		pack_uint(pk, "at", *where);
}

/* @where: its CPU or node; NULL for one that a scheduler made. */
static void put_queue(struct sched *s, uint64_t q, const char *origin, const unsigned *where)
{
	const struct layout *at = &s->k->at;
	uint32_t link = at->sched_ext_entity__dsq_list.off, in = at->scx_dsq_list_node__node.off;
	struct list l = { .head = q + at->scx_dispatch_q__list.off,
			  .to_task = at->task_struct__scx.off + link + in };
	_buf_ struct buf row = BUF_INIT, tids = BUF_INIT;
	const char *why;
	msgpack_packer pk;
	unsigned n = where ? 5 : 4;

	if (at->scx_dsq_list_node__flags.size == 4)
		l.to_flags = (int64_t)at->scx_dsq_list_node__flags.off - in;
	why = list_tids(s->k, &l, &s->steps, &tids);
	pack_init(&pk, &row);
	pack_name(s, &pk, q, origin, where);
	n += pack_member(s->k, &pk, "id", q, at->scx_dispatch_q__id);
	n += pack_member(s->k, &pk, "nr", q, at->scx_dispatch_q__nr);
	n += pack_member(s->k, &pk, "seq", q, at->scx_dispatch_q__seq);
	pack_tids(&pk, "tasks", &tids);
	pack_str(&pk, "complete");
	why ? msgpack_pack_false(&pk) : msgpack_pack_true(&pk);
	s->queues.failed |= !buf_ok(&row) || !buf_ok(&tids);
	pack_init(&pk, &s->queues);
	msgpack_pack_map(&pk, n);
	buf_append(&s->queues, row.data, row.len);
	s->nqueues++;
	s->partial = s->partial ?: why;
}

static void put_local(struct sched *s)
{
	const struct layout *at = &s->k->at;
	uint64_t rq = symbol(s->k, "runqueues");

	if (!rq || !at->rq__scx.size)
		return;
	for (unsigned i = 0; i < s->k->ncpu && step(s); i++) {
		uint64_t scx = rq + s->k->cpu_offset[i] + at->rq__scx.off;

		if (at->scx_rq__local_dsq.size)
			put_queue(s, scx + at->scx_rq__local_dsq.off, "local", &s->k->cpu_id[i]);
		if (at->scx_rq__bypass_dsq.size)
			put_queue(s, scx + at->scx_rq__bypass_dsq.off, "bypass", &s->k->cpu_id[i]);
	}
}

static void put_global(struct sched *s)
{
	struct layout_member ids = { 0, 4 };
	uint64_t all = pointer_at(s->k, symbol(s->k, "global_dsqs")), nodes, q;

	if (s->root)
		kernel_member(s->k, s->root, s->k->at.scx_sched__global_dsqs, &all);
	if (!kernel_member(s->k, symbol(s->k, "nr_node_ids"), ids, &nodes) || nodes > NODES_MAX)
		nodes = 1;
	for (unsigned i = 0; all && i < nodes && step(s); i++) {
		q = pointer_at(s->k, all + 8 * i);
		if (q)
			put_queue(s, q, "global", &i);
	}
}

/* A chain ends with a number that is odd; of a bucket the lowest bit is a lock. */
static void put_chain(struct sched *s, uint64_t at)
{
	uint64_t node = pointer_at(s->k, at) & ~1ull;

	while (node && !(node & 1) && step(s)) {
		put_queue(s, node - s->k->at.scx_dispatch_q__hash_node.off, "user", NULL);
		if (!space_u64(&s->k->image.space, node, &node))
			s->partial = "the table of queues leads out of memory";
	}
}

static void put_user(struct sched *s)
{
	const struct layout *at = &s->k->at;
	uint64_t table = symbol(s->k, "dsq_hash"), size, nest;

	if (s->root && at->scx_sched__dsq_hash.size)
		table = s->root + at->scx_sched__dsq_hash.off;
	if (!table || !at->scx_dispatch_q__hash_node.size || s->partial)
		return;
	if (!kernel_member(s->k, table, at->rhashtable__tbl, &table) ||
	    !kernel_member(s->k, table, at->bucket_table__size, &size) ||
	    !kernel_member(s->k, table, at->bucket_table__nest, &nest) || nest ||
	    size > SCHED_EXT_QUEUES || !at->bucket_table__buckets.size) {
		s->partial = "the table of queues cannot be read";
		return;
	}
	for (uint64_t i = 0; i < size && step(s); i++)
		put_chain(s, table + at->bucket_table__buckets.off + 8 * i);
}

static void put_queues(struct sched *s)
{
	if (!can_walk(&s->k->at)) {
		s->partial = "the kernel's types do not tell where they are";
		return;
	}
	put_local(s);
	put_global(s);
	put_user(s);
	pack_str(&s->pk, "dsqs");
	msgpack_pack_array(&s->pk, s->nqueues);
	s->facts.failed |= !buf_ok(&s->queues);
	if (s->queues.len)
		buf_append(&s->facts, s->queues.data, s->queues.len);
	s->nfacts++;
}

/* ---- the report ------------------------------------------------------------------------------ */

static int write_key(struct sched *s, struct report_builder *rb, struct ksnap_err *err)
{
	_buf_ struct buf out = BUF_INIT;
	msgpack_packer pk;
	int ret;

	pack_init(&pk, &out);
	msgpack_pack_map(&pk, s->nfacts);
	if (s->facts.len)
		buf_append(&out, s->facts.data, s->facts.len);
	if (!buf_ok(&s->facts) || !buf_ok(&out))
		return err_nomem(err);
	ret = report_key(rb, "sched", &out, err);
	if (ret || !s->partial)
		return ret;
	return report_reason(rb, "sched_partial", NULL, UINT64_MAX, s->nqueues,
			     "of sched_ext's queues %u were read: %s", s->nqueues, s->partial);
}

int sched_ext_report(struct kernel *k, uint64_t deadline, struct report_builder *rb,
		     struct ksnap_err *err)
{
	struct sched s = { .k = k, .deadline = deadline };
	int ret;

	if (!k->at.task_struct__scx.size)
		return 0;
	if (k->at.scx_sched__ops.size)
		s.root = pointer_at(k, symbol(k, "scx_root"));
	pack_init(&s.pk, &s.facts);
	put_state(&s);
	put_name(&s);
	put_facts(&s);
	if (s.runs || s.root) {
		put_events(&s);
		put_queues(&s);
	}
	ret = write_key(&s, rb, err);
	buf_fini(&s.facts);
	buf_fini(&s.queues);
	return ret;
}

/* ---- rows of CPUs and threads ---------------------------------------------------------------- */

static void append_map(msgpack_packer *pk, const struct buf *row, unsigned n)
{
	struct buf *out = pk->data;

	pack_str(pk, "scx");
	msgpack_pack_map(pk, n);
	out->failed |= !buf_ok(row);
	if (row->len)
		buf_append(out, row->data, row->len);
}

/* Threads that are ready to run, by the list that its watchdog follows. */
static unsigned pack_runnable(struct kernel *k, msgpack_packer *pk, uint64_t scx)
{
	const struct layout *at = &k->at;
	struct list l = { .head = scx + at->scx_rq__runnable_list.off,
			  .to_task = at->task_struct__scx.off +
				     at->sched_ext_entity__runnable_node.off };
	_buf_ struct buf tids = BUF_INIT;
	unsigned steps = 0;

	if (!at->scx_rq__runnable_list.size || !at->sched_ext_entity__runnable_node.size ||
	    list_tids(k, &l, &steps, &tids) || !buf_ok(&tids))
		return 0;
	pack_tids(pk, "runnable", &tids);
	return 1;
}

unsigned sched_ext_pack_cpu(struct kernel *k, uint64_t rq, msgpack_packer *pk)
{
	const struct layout *at = &k->at;
	uint64_t scx = rq + at->rq__scx.off;
	_buf_ struct buf row = BUF_INIT;
	msgpack_packer in;
	unsigned n;

	if (!rq || !at->rq__scx.size)
		return 0;
	pack_init(&in, &row);
	n = pack_member(k, &in, "nr_running", scx, at->scx_rq__nr_running);
	n += pack_member(k, &in, "flags", scx, at->scx_rq__flags);
	n += pack_member(k, &in, "cpu_released", scx, at->scx_rq__cpu_released);
	n += pack_member(k, &in, "ops_qseq", scx, at->scx_rq__ops_qseq);
	n += pack_runnable(k, &in, scx);
	append_map(pk, &row, n);
	return 1;
}

unsigned sched_ext_pack_task(struct kernel *k, uint64_t task, msgpack_packer *pk)
{
	const struct layout *at = &k->at;
	uint64_t scx = task + at->task_struct__scx.off, flags, dsq = 0;
	_buf_ struct buf row = BUF_INIT;
	msgpack_packer in;
	unsigned n;

	if (!at->task_struct__scx.size ||
	    !kernel_member(k, scx, at->sched_ext_entity__flags, &flags) || !flags)
		return 0;
	kernel_member(k, scx, at->sched_ext_entity__dsq, &dsq);
	pack_init(&in, &row);
	n = pack_member(k, &in, "dsq", dsq, at->scx_dispatch_q__id);
	pack_uint(&in, "flags", flags);
	n += 1 + pack_member(k, &in, "weight", scx, at->sched_ext_entity__weight);
	n += pack_member(k, &in, "slice_ns", scx, at->sched_ext_entity__slice);
	n += pack_member(k, &in, "vtime", scx, at->sched_ext_entity__dsq_vtime);
	n += pack_member(k, &in, "ops_state", scx, at->sched_ext_entity__ops_state);
	n += pack_member(k, &in, "runnable_at", scx, at->sched_ext_entity__runnable_at);
	n += pack_signed(k, &in, "sticky_cpu", scx, at->sched_ext_entity__sticky_cpu);
	n += pack_signed(k, &in, "holding_cpu", scx, at->sched_ext_entity__holding_cpu);
	append_map(pk, &row, n);
	return 1;
}
