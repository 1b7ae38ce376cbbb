// SPDX-License-Identifier: MIT
/* state_records.c - between what a bridge holds and the records of it. */
#include "broker/state_records.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "broker/snapshot_row.h"
#include "broker/status_rows.h"
#include "core/event_kinds.h"
#include "wire/pack.h"

/* ---- writing -----------------------------------------------------------------------------------
 */

static void put(struct batch *b, const struct wire_shape *shape, const void *record)
{
	if (wire_encode(shape, record, &b->text))
		b->failed = true;
}

void record_head(struct batch *b, struct broker *broker)
{
	size_t n = bridges_count(broker->bridges), i = 0;
	_free_ uint64_t *ids = calloc(n + 1, sizeof(*ids));
	struct wire_kept_head r = { .k = wire_slice_of("head"),
				    .schema = wire_slice_of(KEPT_SCHEMA),
				    .epoch = broker->epoch,
				    .ts = clock_real_ns(),
				    .version = wire_slice_of(ksnap_version()),
				    .bridges = { ids, n } };

	if (!ids) {
		b->failed = true;
		return;
	}
	for (struct hosted *h = bridges_first(broker->bridges); h; h = h->next)
		ids[i++] = h->kept.id;
	put(b, &wire_shape_kept_head, &r);
}

void record_bridge(struct batch *b, const struct hosted *h, const struct bridge_books *books,
		   bool counts)
{
	const struct ksnap_limits *asked = &h->asked;
	struct wire_kept_bridge r = {
		.k = wire_slice_of("bridge"),
		.bridge = h->kept.id,
		.name = wire_slice_of(h->name),
		.evicted = books->evicted,
		.overwritten = books->overwritten,
		.drained = books->drained,
		.refused = books->refused,
		.unavailable = books->unavailable,
		.stored = books->stored,
		.has_stored = counts,
		.first_seq = books->first_seq,
		.last_seq = books->last_seq,
		.events_kept = books->events_kept,
		.has_events_kept = counts,
		.first_event = books->first_event,
		.last_event = books->last_event,
		.events_dropped = books->events_dropped,
		.events_untold = books->events_untold,
	};

	r.limits = limits_row(asked);
	r.limits.has_snapshots = asked->snapshots;
	r.limits.has_bytes = asked->bytes;
	r.limits.has_events = asked->events;
	r.limits.has_watches = asked->watches;
	r.has_limits = asked->snapshots || asked->bytes || asked->events || asked->watches;
	put(b, &wire_shape_kept_bridge, &r);
}

void record_snapshot(struct batch *b, const struct hosted *h, struct store_node *node)
{
	const struct ksnap_entry *e = &node->entry;
	uint64_t from = batch_bytes(b);
	struct wire_kept_snapshot r = { .k = wire_slice_of("snapshot"),
					.bridge = h->kept.id,
					SNAPSHOT_ROW_OF(e),
					.schema = wire_slice_of(e->schema) };

	r.has_stats = e->stats;
	r.has_stats_reason = !e->stats;
	if (e->stats)
		r.stats =
			(struct wire_slice){ ksnap_blob_data(e->stats), ksnap_blob_size(e->stats) };
	else
		r.stats_reason = wire_slice_of(stats_reason_word(e->stats_reason));
	put(b, &wire_shape_kept_snapshot, &r);
	batch_report(b, e->report);
	batch_mark(b, &node->kept, from);
}

static void pack_fields(struct buf *out, const struct ksnap_event *ev)
{
	msgpack_packer pk;

	pack_init(&pk, out);
	msgpack_pack_map(&pk, ev->nfields);
	for (unsigned i = 0; i < ev->nfields; i++) {
		pack_str(&pk, ev->fields[i].name);
		if (ev->fields[i].str)
			pack_str(&pk, ev->fields[i].str);
		else
			msgpack_pack_uint64(&pk, ev->fields[i].num);
	}
}

void record_event(struct batch *b, const struct hosted *h, struct event_node *node)
{
	const struct ksnap_event *ev = &node->event;
	_buf_ struct buf fields = BUF_INIT;
	uint64_t from = batch_bytes(b);
	struct wire_kept_event r = { .k = wire_slice_of("event"),
				     .bridge = h->kept.id,
				     .seq = ev->seq,
				     .ts = ev->ts,
				     .mono = ev->mono,
				     .kind = ev->kind };

	pack_fields(&fields, ev);
	r.fields = (struct wire_slice){ (char *)fields.data, fields.len };
	if (buf_ok(&fields))
		put(b, &wire_shape_kept_event, &r);
	else
		b->failed = true;
	batch_mark(b, &node->kept, from);
}

/* ---- reading -----------------------------------------------------------------------------------
 */

struct store_node *record_node(const struct wire_kept_snapshot *r, struct ksnap_blob *report)
{
	_blob_ struct ksnap_blob *stats =
		r->has_stats ? ksnap_blob_copy(r->stats.p, r->stats.len) : NULL;
	char tag[KSNAP_TAG_MAX + 1], schema[64];
	struct ksnap_store_args args = { .size = sizeof(args),
					 .tag = tag,
					 .report = report,
					 .placeholder = r->placeholder,
					 .complete = r->complete,
					 .schema = schema,
					 .has_step = r->has_step,
					 .has_elapsed_ms = r->has_elapsed_ms,
					 .has_boundary_ms = r->has_boundary_ms,
					 .step = (uint16_t)r->step,
					 .elapsed_ms = r->elapsed_ms,
					 .boundary_ms = r->boundary_ms,
					 .stats = stats,
					 .stats_reason = stats_reason_of(r->stats_reason) };
	struct store_node *node;

	if (r->has_stats && !stats)
		return NULL;
	tag_copy(tag, r->tag);
	memcpy(schema, r->schema.p, r->schema.len);
	schema[r->schema.len] = '\0';
	node = store_node_create(&args, tag_hash(args.tag));
	if (!node)
		return NULL;
	node->entry.seq = r->seq;
	node->entry.ts = r->ts;
	return node;
}

static int field_of(const struct event_kind_info *info, const msgpack_object_kv *kv, char *text,
		    struct ksnap_event_field *ret, struct ksnap_err *err)
{
	char name[64];

	if (kv->key.type != MSGPACK_OBJECT_STR || kv->key.via.str.size >= sizeof(name))
		return err_set(err, KSNAP_E_ARG, "a field of an event has no name");
	memcpy(name, kv->key.via.str.ptr, kv->key.via.str.size);
	name[kv->key.via.str.size] = '\0';
	*ret = (struct ksnap_event_field){ .name = event_kind_field(info, name) };
	if (!ret->name)
		return err_set(err, KSNAP_E_ARG, "%s has no field '%s'", info->name, name);
	if (kv->val.type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
		ret->num = kv->val.via.u64;
	} else if (kv->val.type == MSGPACK_OBJECT_STR && kv->val.via.str.size <= EVENT_TEXT_MAX) {
		memcpy(text, kv->val.via.str.ptr, kv->val.via.str.size);
		text[kv->val.via.str.size] = '\0';
		ret->str = text;
	} else {
		return err_set(err, KSNAP_E_ARG, "%s.%s is of another type", info->name, name);
	}
	return 0;
}

static int read_fields(const msgpack_object *map, struct ksnap_event *ev,
		       char text[KSNAP_EVENT_FIELDS][EVENT_TEXT_MAX + 1], struct ksnap_err *err)
{
	const struct event_kind_info *info = event_kind_find(ev->kind);

	if (!info || map->type != MSGPACK_OBJECT_MAP || map->via.map.size > KSNAP_EVENT_FIELDS)
		return err_set(err, KSNAP_E_ARG, "no event is of kind %u", (unsigned)ev->kind);
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		int rc = field_of(info, &map->via.map.ptr[i], text[i], &ev->fields[i], err);

		if (rc)
			return rc;
		ev->nfields++;
	}
	return 0;
}

int record_revive_event(const struct wire_kept_event *r, struct events *events,
			struct event_node **ret, struct ksnap_err *err)
{
	struct ksnap_event ev = {
		.seq = r->seq, .ts = r->ts, .mono = r->mono, .kind = (enum ksnap_event_kind)r->kind
	};
	char text[KSNAP_EVENT_FIELDS][EVENT_TEXT_MAX + 1];
	msgpack_unpacked u;
	int rc;

	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, r->fields.p, r->fields.len, NULL) == MSGPACK_UNPACK_SUCCESS)
		rc = read_fields(&u.data, &ev, text, err);
	else
		rc = err_nomem(err);
	if (!rc) {
		*ret = events_revive(events, &ev);
		rc = *ret ? 0 : err_nomem(err);
	}
	msgpack_unpacked_destroy(&u);
	return rc;
}

void record_books(const struct wire_kept_bridge *r, struct bridge_books *ret)
{
	*ret = (struct bridge_books){
		.evicted = r->evicted,
		.overwritten = r->overwritten,
		.drained = r->drained,
		.refused = r->refused,
		.unavailable = r->unavailable,
		.stored = r->stored,
		.first_seq = r->first_seq,
		.last_seq = r->last_seq,
		.events_kept = r->events_kept,
		.first_event = r->first_event,
		.last_event = r->last_event,
		.events_dropped = r->events_dropped,
		.events_untold = r->events_untold,
	};
}
