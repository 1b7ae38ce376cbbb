// SPDX-License-Identifier: MIT
/* bridge.c - one bridge: its lock, its callbacks, and the parts it is made of.
 *
 * The shape of every call: check, allocate, lock, change, unlock, release what left. */
#include "core/bridge.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "core/event_kinds.h"
#include "core/events.h"
#include "core/oplog.h"
#include "core/procs.h"
#include "core/watches.h"

struct ksnap_bridge {
	_Atomic unsigned refs;
	char name[KSNAP_TAG_MAX + 1];
	struct ksnap_limits limits;    /* in force, no zeroes */
	struct ksnap_bridge_opts opts; /* callbacks and their argument; its name is not ours */
	pthread_mutex_t lock;          /* everything below; unused when single_threaded */
	struct events events;
	struct store store;
	struct watches watches; /* slots are taken without the lock */
	struct oplog oplog;
	struct procs_log procs;
	uint64_t unavailable; /* captures that gave no report */
};

static void lock(struct ksnap_bridge *b)
{
	if (!b->opts.single_threaded)
		pthread_mutex_lock(&b->lock);
}

static void unlock(struct ksnap_bridge *b)
{
	if (!b->opts.single_threaded)
		pthread_mutex_unlock(&b->lock);
}

/* ---- arguments ----------------------------------------------------------------------------- */

/* Copy a struct whose first field is its size, as the caller's headers knew it. */
static int copy_sized(void *to, size_t to_size, const void *from, const char *what,
		      struct ksnap_err *err)
{
	size_t size;

	memcpy(&size, from, sizeof(size));
	if (size < sizeof(size))
		return err_set(err, KSNAP_E_ARG, "%s: size is %zu, declare it with KSNAP_OPTS()",
			       what, size);
	memcpy(to, from, size < to_size ? size : to_size);
	return 0;
}

static int check_tag(const char *what, const char *tag, struct ksnap_err *err)
{
	struct ksnap_err why;

	if (!tag)
		return err_set(err, KSNAP_E_ARG, "%s: none was given", what);
	if (ksnap_tag_check(tag, strlen(tag), &why) < 0)
		return err_set(err, KSNAP_E_ARG, "%s: %.*s", what, KSNAP_ERR_TEXT - 16, why.text);
	return 0;
}

static uint64_t limit_or(uint64_t asked, enum limit_id id)
{
	return asked ? asked : limit_table[id].value;
}

/* ---- life ---------------------------------------------------------------------------------- */

static int init_parts(struct ksnap_bridge *b)
{
	const struct ksnap_bridge_opts *o = &b->opts;

	b->limits = (struct ksnap_limits){
		.snapshots = limit_or(o->limits.snapshots, LIMIT_ID_MAX_STORED_SNAPSHOTS),
		.bytes = limit_or(o->limits.bytes, LIMIT_ID_MAX_STORED_BYTES),
		.events = limit_or(o->limits.events, LIMIT_ID_MAX_STORED_EVENTS),
		.watches = limit_or(o->limits.watches, LIMIT_ID_MAX_WATCH_SNAPSHOTS),
	};
	store_init(&b->store, b->limits.snapshots, b->limits.bytes, &b->events);
	watches_init(&b->watches, b->limits.watches);
	oplog_init(&b->oplog, LIMIT_MAX_KERNEL_OPS, LIMIT_MAX_KERNEL_OP_BYTES);
	procs_log_init(&b->procs, LIMIT_MAX_CGROUP_PROCS);
	return events_init(&b->events, b->limits.events, o->event, o->arg);
}

struct ksnap_bridge *ksnap_bridge_create(const struct ksnap_bridge_opts *opts,
					 struct ksnap_err *err)
{
	struct ksnap_bridge_opts own = { .size = sizeof(own) };
	struct ksnap_bridge *b;

	if (opts && copy_sized(&own, sizeof(own), opts, "opts", err) < 0)
		return NULL;
	if (!own.name)
		own.name = "default";
	if (check_tag("bridge name", own.name, err) < 0)
		return NULL;
	b = calloc(1, sizeof(*b));
	if (!b) {
		err_nomem(err);
		return NULL;
	}
	b->opts = own;
	if (init_parts(b) < 0) {
		free(b);
		err_nomem(err);
		return NULL;
	}
	strcpy(b->name, own.name);
	pthread_mutex_init(&b->lock, NULL);
	atomic_init(&b->refs, 1);
	return b;
}

struct ksnap_bridge *ksnap_bridge_ref(struct ksnap_bridge *b)
{
	if (b)
		atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

static void raise_disarmed(struct ksnap_bridge *b, const struct watch_row *row, const char *reason)
{
	events_raise(&b->events, KSNAP_EV_WATCH_DISARMED,
		     (struct ksnap_event_field[]){
			     EVENT_STR("symbol", row->symbol),
			     EVENT_NUM("watch", row->id),
			     EVENT_STR("reason", reason ? reason : "unwatch"),
		     },
		     3);
}

/* Nobody else has the bridge any more: no lock. */
static void disarm_all(struct ksnap_bridge *b)
{
	for (struct watch_row *row = b->watches.rows; row; row = row->next) {
		if (row->state != WATCH_ARMED)
			continue;
		if (b->opts.unwatch)
			b->opts.unwatch(b->opts.arg, row->symbol);
		raise_disarmed(b, row, "bridge_closed");
	}
}

static void destroy(struct ksnap_bridge *b)
{
	disarm_all(b);
	watches_fini(&b->watches);
	store_fini(&b->store);
	oplog_fini(&b->oplog);
	procs_log_fini(&b->procs);
	events_fini(&b->events);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

void ksnap_bridge_unref(struct ksnap_bridge *b)
{
	int saved = errno;

	if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
		destroy(b);
	errno = saved;
}

const char *ksnap_bridge_name(const struct ksnap_bridge *b)
{
	return b->name;
}

void ksnap_bridge_limits(const struct ksnap_bridge *b, struct ksnap_limits *ret)
{
	*ret = b->limits;
}

struct store *bridge_store(struct ksnap_bridge *b)
{
	return &b->store;
}

struct events *bridge_events(struct ksnap_bridge *b)
{
	return &b->events;
}

const struct oplog *bridge_oplog(const struct ksnap_bridge *b)
{
	return &b->oplog;
}

const struct procs_log *bridge_procs(const struct ksnap_bridge *b)
{
	return &b->procs;
}

void bridge_books(struct ksnap_bridge *b, struct bridge_books *ret)
{
	lock(b);
	*ret = (struct bridge_books){
		.evicted = b->store.evicted,
		.overwritten = b->store.overwritten,
		.drained = b->store.drained,
		.refused = b->store.refused,
		.unavailable = b->unavailable,
		.stored = b->store.table.count,
		.first_seq = store_first_seq(&b->store),
		.last_seq = b->store.last_seq,
		.events_kept = b->events.kept,
		.first_event = events_first_seq(&b->events),
		.last_event = b->events.raised,
		.events_dropped = b->events.dropped,
		.events_untold = b->events.untold,
	};
	unlock(b);
}

void bridge_revive(struct ksnap_bridge *b, const struct bridge_books *books)
{
	lock(b);
	b->store.evicted = books->evicted;
	b->store.overwritten = books->overwritten;
	b->store.drained = books->drained;
	b->store.refused = books->refused;
	b->store.last_seq = books->last_seq;
	b->store.accepted = books->stored + books->evicted + books->overwritten + books->drained;
	b->unavailable = books->unavailable;
	b->events.raised = books->last_event;
	b->events.dropped = books->events_dropped;
	b->events.untold = books->events_untold;
	unlock(b);
}

void ksnap_bridge_stats(struct ksnap_bridge *b, struct ksnap_bridge_stats *ret)
{
	lock(b);
	*ret = (struct ksnap_bridge_stats){
		.accepted = b->store.accepted,
		.evicted = b->store.evicted,
		.overwritten = b->store.overwritten,
		.drained = b->store.drained,
		.refused = b->store.refused,
		.unavailable = b->unavailable,
		.stored = b->store.table.count,
		.bytes = b->store.bytes,
		.events_raised = b->events.raised,
		.events_kept = b->events.kept,
		.events_dropped = b->events.dropped,
		.watches = atomic_load(&b->watches.held),
		.kernel_ops_dropped = b->oplog.dropped,
		.procs_dropped = b->procs.dropped,
	};
	unlock(b);
}

/* ---- storing ------------------------------------------------------------------------------- */

static int check_store_args(const struct ksnap_store_args *args, struct ksnap_err *err)
{
	int rc = check_tag("tag", args->tag, err);

	if (rc < 0)
		return rc;
	if (!args->report)
		return err_set(err, KSNAP_E_ARG, "report: none was given");
	if (args->schema && strlen(args->schema) >= sizeof(((struct ksnap_entry *)0)->schema))
		return err_set(err, KSNAP_E_ARG, "schema: %zu bytes, at most %zu allowed",
			       strlen(args->schema), sizeof(((struct ksnap_entry *)0)->schema) - 1);
	return 0;
}

int ksnap_bridge_store(struct ksnap_bridge *b, const struct ksnap_store_args *args,
		       uint64_t *ret_seq, struct ksnap_err *err)
{
	struct ksnap_store_args own = { 0 };
	struct store_node *node, *left = NULL;
	uint64_t seq, hash;
	int rc;

	rc = copy_sized(&own, sizeof(own), args, "args", err);
	if (rc == 0)
		rc = check_store_args(&own, err);
	if (rc < 0)
		return rc;
	hash = tag_hash(own.tag);
	if (b->opts.single_threaded)
		store_fetch(&b->store, hash);
	node = store_node_create(&own, hash);
	if (!node)
		return err_nomem(err);
	lock(b);
	rc = store_put(&b->store, node, &left, err);
	seq = node->entry.seq;
	unlock(b);
	store_nodes_free(rc < 0 ? node : left);
	if (rc == 0 && ret_seq)
		*ret_seq = seq;
	return rc;
}

int ksnap_bridge_capture_failed(struct ksnap_bridge *b, const char *tag, const char *reason)
{
	const struct ksnap_event_field fields[] = {
		EVENT_STR("tag", tag),
		EVENT_STR("reason", reason),
	};
	int rc = check_tag("tag", tag, NULL);

	if (rc < 0)
		return rc;
	lock(b);
	b->unavailable++;
	events_raise(&b->events, KSNAP_EV_CAPTURE_UNAVAILABLE, fields, reason ? 2 : 1);
	unlock(b);
	return 0;
}

int ksnap_bridge_capture(struct ksnap_bridge *b, const char *tag, uint16_t step,
			 struct ksnap_err *err)
{
	KSNAP_OPTS(ksnap_store_args, args, .tag = tag, .complete = true, .has_step = true,
		   .step = step);
	struct ksnap_err why = { 0 };
	_blob_ struct ksnap_blob *report = NULL;
	int rc = check_tag("tag", tag, err);

	if (rc < 0)
		return rc;
	if (!b->opts.capture)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "bridge \"%s\" was made without a capture callback", b->name);
	report = b->opts.capture(b->opts.arg, tag, &args.complete, &args.placeholder, &why);
	if (!report)
		return ksnap_bridge_capture_failed(b, tag, why.text[0] ? why.text : NULL);
	args.report = report;
	rc = ksnap_bridge_store(b, &args, NULL, err);
	return rc < 0 ? rc : 1;
}

/* ---- reading ------------------------------------------------------------------------------- */

bool ksnap_bridge_has(struct ksnap_bridge *b, const char *tag)
{
	bool there;

	if (!tag)
		return false;
	lock(b);
	there = store_find(&b->store, tag);
	unlock(b);
	return there;
}

size_t ksnap_bridge_len(struct ksnap_bridge *b)
{
	size_t n;

	lock(b);
	n = b->store.table.count;
	unlock(b);
	return n;
}

bool ksnap_bridge_is_empty(struct ksnap_bridge *b)
{
	return ksnap_bridge_len(b) == 0;
}

size_t ksnap_bridge_periodic_real_count(struct ksnap_bridge *b)
{
	size_t n;

	lock(b);
	n = b->store.periodic_real;
	unlock(b);
	return n;
}

int ksnap_bridge_get(struct ksnap_bridge *b, const char *tag, struct ksnap_entry *ret,
		     struct ksnap_err *err)
{
	const struct ksnap_entry *entry;
	int rc = 0;

	if (!tag)
		return err_set(err, KSNAP_E_ARG, "tag: none was given");
	lock(b);
	entry = store_find(&b->store, tag);
	if (entry)
		store_entry_copy(ret, entry);
	else
		rc = store_miss(&b->store, tag, err);
	unlock(b);
	return rc;
}

int ksnap_bridge_list(struct ksnap_bridge *b, struct ksnap_entry **ret, size_t *ret_n,
		      struct ksnap_err *err)
{
	int rc;

	lock(b);
	rc = store_list(&b->store, ret, ret_n, err);
	unlock(b);
	return rc;
}

static int drain(struct ksnap_bridge *b, enum store_drain_variant variant, struct ksnap_entry **ret,
		 size_t *ret_n, struct ksnap_err *err)
{
	int rc;

	lock(b);
	rc = store_drain(&b->store, variant, ret, ret_n, err);
	unlock(b);
	return rc;
}

int ksnap_bridge_drain(struct ksnap_bridge *b, struct ksnap_entry **ret, size_t *ret_n,
		       struct ksnap_err *err)
{
	return drain(b, STORE_DRAIN, ret, ret_n, err);
}

int ksnap_bridge_drain_ordered(struct ksnap_bridge *b, struct ksnap_entry **ret, size_t *ret_n,
			       struct ksnap_err *err)
{
	return drain(b, STORE_DRAIN_ORDERED, ret, ret_n, err);
}

int ksnap_bridge_drain_ordered_with_stats(struct ksnap_bridge *b, struct ksnap_entry **ret,
					  size_t *ret_n, struct ksnap_err *err)
{
	return drain(b, STORE_DRAIN_ORDERED_WITH_STATS, ret, ret_n, err);
}

/* ---- events -------------------------------------------------------------------------------- */

int bridge_raise(struct ksnap_bridge *b, enum ksnap_event_kind kind,
		 const struct ksnap_event_field *fields, unsigned n)
{
	const struct event_kind_info *info = event_kind_find(kind);
	struct ksnap_event_field own[KSNAP_EVENT_FIELDS];

	if (!info || n > info->nfields || kind == KSNAP_EV_EVENT_LOG_TRUNCATED)
		return KSNAP_E_ARG;
	for (unsigned i = 0; i < n; i++) {
		own[i] = fields[i];
		own[i].name = event_kind_field(info, fields[i].name);
		if (!own[i].name)
			return KSNAP_E_ARG;
	}
	lock(b);
	events_raise(&b->events, kind, own, n);
	unlock(b);
	return 0;
}

int ksnap_bridge_drain_events(struct ksnap_bridge *b, struct ksnap_event **ret, size_t *ret_n,
			      struct ksnap_err *err)
{
	int rc;

	lock(b);
	rc = events_drain(&b->events, ret, ret_n, err);
	unlock(b);
	return rc;
}

size_t ksnap_bridge_event_count(struct ksnap_bridge *b)
{
	size_t n;

	lock(b);
	n = b->events.kept;
	unlock(b);
	return n;
}

/* ---- watches ------------------------------------------------------------------------------- */

void bridge_share_watch_ids(struct ksnap_bridge *b, _Atomic uint64_t *last)
{
	b->watches.ids = last;
}

int bridge_watch_reserve(struct ksnap_bridge *b, const char *symbol, uint64_t *ret_id,
			 struct ksnap_err *err)
{
	_free_ struct watch_row *row = NULL;
	int rc = watch_symbol_check(symbol, err);

	if (rc < 0)
		return rc;
	row = watch_row_create(symbol);
	if (!row)
		return err_nomem(err);
	if (!watches_take_slot(&b->watches)) {
		lock(b);
		rc = watches_full(&b->watches, err);
		unlock(b);
		return rc;
	}
	lock(b);
	watches_add(&b->watches, row);
	*ret_id = row->id;
	row = NULL;
	unlock(b);
	return 0;
}

int bridge_watch_commit(struct ksnap_bridge *b, uint64_t id)
{
	struct watch_row *row;
	int rc = KSNAP_E_NOTFOUND;

	lock(b);
	row = watches_find(&b->watches, id);
	if (row && row->state == WATCH_ARMING) {
		row->state = WATCH_ARMED;
		events_raise(&b->events, KSNAP_EV_WATCH_ARMED,
			     (struct ksnap_event_field[]){
				     EVENT_STR("symbol", row->symbol),
				     EVENT_NUM("watch", row->id),
			     },
			     2);
		rc = 0;
	}
	unlock(b);
	return rc;
}

int bridge_watch_release(struct ksnap_bridge *b, uint64_t id, const char *reason)
{
	struct watch_row *row;
	int rc = KSNAP_E_NOTFOUND;

	lock(b);
	row = watches_find(&b->watches, id);
	if (row && row->state != WATCH_LEAVING) {
		if (row->state == WATCH_ARMED)
			raise_disarmed(b, row, reason);
		watches_remove(&b->watches, row);
		rc = 0;
	}
	unlock(b);
	return rc;
}

int bridge_watch_leave(struct ksnap_bridge *b, uint64_t id)
{
	struct watch_row *row;
	int rc = KSNAP_E_NOTFOUND;

	lock(b);
	row = watches_find(&b->watches, id);
	if (row && row->state == WATCH_ARMED) {
		watches_remove(&b->watches, row);
		rc = 0;
	}
	unlock(b);
	return rc;
}

int ksnap_bridge_watch(struct ksnap_bridge *b, const char *symbol, uint64_t *ret_id,
		       struct ksnap_err *err)
{
	struct ksnap_err why = { 0 };
	uint64_t id = 0;
	int rc;

	if (!b->opts.watch)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "bridge \"%s\" was made without a watch callback", b->name);
	rc = bridge_watch_reserve(b, symbol, &id, err);
	if (rc < 0)
		return rc;
	rc = b->opts.watch(b->opts.arg, symbol, &why);
	if (rc < 0) {
		bridge_watch_release(b, id, NULL);
		return err_set(err, rc, "%s", why.text[0] ? why.text : "refused without a reason");
	}
	bridge_watch_commit(b, id);
	if (ret_id)
		*ret_id = id;
	return 0;
}

/* The row, now LEAVING and so nobody else's, or NULL with *err. */
static struct watch_row *claim_armed(struct ksnap_bridge *b, uint64_t id, struct ksnap_err *err)
{
	struct watch_row *row;

	lock(b);
	row = watches_find(&b->watches, id);
	if (!row || row->state == WATCH_LEAVING) {
		watches_miss(&b->watches, id, err);
		row = NULL;
	} else if (row->state == WATCH_ARMING) {
		err_set(err, KSNAP_E_STATE, "watch on %.64s is still being armed", row->symbol);
		row = NULL;
	} else {
		row->state = WATCH_LEAVING;
	}
	unlock(b);
	return row;
}

int ksnap_bridge_unwatch(struct ksnap_bridge *b, uint64_t id, const char *reason,
			 struct ksnap_err *err)
{
	struct ksnap_err why;
	struct watch_row *row = claim_armed(b, id, &why);

	if (!row)
		return err_set(err, why.code, "%s", why.text);
	if (b->opts.unwatch)
		b->opts.unwatch(b->opts.arg, row->symbol);
	lock(b);
	raise_disarmed(b, row, reason);
	watches_remove(&b->watches, row);
	unlock(b);
	return 0;
}

size_t ksnap_bridge_watch_count(struct ksnap_bridge *b)
{
	return atomic_load(&b->watches.held);
}

/* ---- kernel ops and cgroup.procs ------------------------------------------------------------- */

static void raise_truncated(struct ksnap_bridge *b, const char *log, uint64_t dropped)
{
	events_raise(&b->events, KSNAP_EV_LOG_TRUNCATED,
		     (struct ksnap_event_field[]){
			     EVENT_STR("log", log),
			     EVENT_NUM("dropped_count", dropped),
		     },
		     2);
}

static void log_op(struct ksnap_bridge *b, struct oplog_node *node)
{
	struct oplog_node *left;

	node->op.reason[sizeof(node->op.reason) - 1] = '\0';
	if (!node->op.reply)
		node->op.has_value = false;
	lock(b);
	left = oplog_append(&b->oplog, node);
	unlock(b);
	oplog_nodes_destroy(left);
}

int bridge_record_kernel_op(struct ksnap_bridge *b, const struct ksnap_kernel_op *op,
			    struct ksnap_err *err)
{
	struct oplog_node *node;
	int rc = oplog_check(op->tag, op->request, err);

	if (rc < 0)
		return rc;
	node = oplog_node_create(op->tag, op->request);
	if (!node)
		return err_nomem(err);
	node->op.success = op->success;
	node->op.has_value = op->has_value;
	if (op->reply)
		node->op.reply = ksnap_blob_ref(op->reply);
	memcpy(node->op.reason, op->reason, sizeof(op->reason));
	log_op(b, node);
	return 0;
}

int ksnap_bridge_kernel_op(struct ksnap_bridge *b, const char *tag, struct ksnap_blob *request,
			   struct ksnap_err *err)
{
	struct oplog_node *node;
	int rc = oplog_check(tag, request, err);

	if (rc < 0)
		return rc;
	if (!b->opts.kernel)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "bridge \"%s\" was made without a kernel op callback", b->name);
	node = oplog_node_create(tag, request);
	if (!node)
		return err_nomem(err);
	b->opts.kernel(b->opts.arg, &node->op);
	if (!node->op.success)
		rc = err_set(err, KSNAP_E_TARGET, "%.*s", KSNAP_ERR_TEXT - 1,
			     node->op.reason[0] ? node->op.reason : "failed without a reason");
	log_op(b, node);
	return rc;
}

int ksnap_bridge_drain_kernel_ops(struct ksnap_bridge *b, struct ksnap_kernel_op **ret,
				  size_t *ret_n, struct ksnap_err *err)
{
	uint64_t dropped = 0;
	int rc;

	lock(b);
	rc = oplog_drain(&b->oplog, ret, ret_n, &dropped, err);
	if (dropped)
		raise_truncated(b, "kernel_ops", dropped);
	unlock(b);
	return rc;
}

struct ksnap_blob *ksnap_bridge_kernel_op_value(struct ksnap_bridge *b, const char *tag)
{
	const struct ksnap_kernel_op *op;
	struct ksnap_blob *value = NULL;

	if (!tag)
		return NULL;
	lock(b);
	op = oplog_first_value(&b->oplog, tag);
	if (op)
		value = ksnap_blob_ref(op->reply);
	unlock(b);
	return value;
}

int ksnap_bridge_record_procs(struct ksnap_bridge *b, const char *tag, const char *cgroup,
			      const uint32_t *pids, size_t npids, struct ksnap_err *err)
{
	struct procs_node *node;
	int rc = procs_check(tag, cgroup, pids, npids, err);

	if (rc < 0)
		return rc;
	node = procs_node_create(tag, cgroup, pids, npids);
	if (!node)
		return err_nomem(err);
	lock(b);
	procs_append(&b->procs, node);
	unlock(b);
	return 0;
}

int ksnap_bridge_drain_procs(struct ksnap_bridge *b, struct ksnap_procs **ret, size_t *ret_n,
			     struct ksnap_err *err)
{
	uint64_t dropped = 0;
	int rc;

	lock(b);
	rc = procs_drain(&b->procs, ret, ret_n, &dropped, err);
	if (dropped)
		raise_truncated(b, "cgroup_procs", dropped);
	unlock(b);
	return rc;
}

int ksnap_bridge_procs_by_tag(struct ksnap_bridge *b, const char *tag, struct ksnap_procs *ret,
			      struct ksnap_err *err)
{
	int rc;

	if (!tag)
		return err_set(err, KSNAP_E_ARG, "tag: none was given");
	lock(b);
	rc = procs_copy_first(&b->procs, tag, ret, err);
	unlock(b);
	return rc;
}
