// SPDX-License-Identifier: MIT
/* publish.c - the XPUB socket and its channels. A report is published by reference; only the
 * header, some two hundred bytes, is written here, and sent when somebody listens. */
#include "broker/publish.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/log.h"
#include "broker/behind.h"
#include "broker/endpoint.h"
#include "broker/heard.h"
#include "broker/retained.h"
#include "broker/zap.h"
#include "wire/emit.h"
#include "wire/frames.h"

#define NAME_MAX_BYTES 81
#define PREFIX_BYTES   (NAME_MAX_BYTES + 64)
#define BASE_KEYS      6 /* v, epoch, ch, seq, ts, k */
/* Subscription messages read before the loop looks at its other sources. */
#define READ_BATCH 64
/* So many reports of one size may wait whatever their size. */
#define REPORTS_MIN 8
/* Channels of closed bridges that are kept for replay, and places for the numbers of others. */
#define MAX_RETIRED 64
#define FLOORS      1024
/* How long to wait for an address that is still taken by those thrown out. */
#define MEND_MS 20
/* Bytes a subscriber may send in one frame: a topic is shorter than that, the handshake and its
 * keys fit. Each byte of a topic costs some thirty of memory. */
#define SUBSCRIPTION_MAX 1024

struct channel {
	struct channel *next;
	struct publisher *publisher;
	uint64_t start; /* number before the first of this channel; 0 but for old names */
	uint64_t last;  /* number of the newest message */
	bool retired;
	bool is_heard;     /* somebody listens, */
	uint64_t heard_at; /* as of this change of what is listened to, and one; 0: not known */
	struct ksnap_blob *name_frame; /* NULL: the beat's, made when sent */
	struct behind behind;          /* reports sent and not read yet */
	struct retained *kept;         /* NULL: nothing was published, or no memory */
	char name[NAME_MAX_BYTES];
	/* What all its headers have behind their map's head: v, epoch, ch and the key seq. */
	uint8_t prefix[PREFIX_BYTES];
	size_t prefix_len;
};

struct publisher {
	struct broker *broker;
	struct bound *bound;
	int source;
	int mending; /* deadline of the next try to bind again; 0: none */
	struct heard heard;
	struct buf pairs, header; /* being written; empty in between */
	struct channel *first, *tail;
	unsigned nretired;
	/* Last numbers of forgotten channels, by a hash of their names; the highest when they share
	 * a place, so that a channel may begin too high, which looks like a loss, never too low. */
	uint64_t floor[FLOORS];
};

/* A new subscriber learns the last numbers at once. */
static void subscriptions(void *arg)
{
	struct publisher *p = arg;
	bool wanted = false;

	for (int i = 0; i < READ_BATCH; i++) {
		_frames_ struct frames f = { 0 };

		if (frames_recv(bound_socket(p->bound), &f, NULL) == 0) {
			loop_socket_rests(p->broker->loop, p->source);
			break;
		}
		if (f.n)
			wanted |= heard_note(&p->heard, ksnap_blob_data(f.part[0]),
					     ksnap_blob_size(f.part[0]));
	}
	if (wanted)
		publish_beat(p);
}

struct publisher *publisher_create(struct broker *b, const struct broker_opts *opts,
				   struct ksnap_err *err)
{
	struct publisher *p = calloc(1, sizeof(*p));
	struct bound_opts bo = { .context = opts->zmq_context,
				 .type = ZMQ_XPUB,
				 .urls = opts->live,
				 .ipc_mode = opts->ipc_mode,
				 .send_hwm = SUBSCRIBER_HWM,
				 .max_message = SUBSCRIPTION_MAX,
				 .loop = b->loop,
				 .zap = b->zap,
				 .domain = ZAP_LIVE,
				 .curve = opts->curve,
				 .verbose = true };

	if (!p) {
		err_nomem(err);
		return NULL;
	}
	p->broker = b;
	p->bound = bound_create(&bo, err);
	if (p->bound)
		p->source = loop_add_socket(b->loop, bound_socket(p->bound), subscriptions, p, err);
	if (!p->bound || p->source < 0) {
		publisher_destroy(p);
		return NULL;
	}
	return p;
}

static void free_channel(struct channel *c)
{
	retained_destroy(c->kept);
	ksnap_blob_unref(c->name_frame);
	behind_fini(&c->behind);
	free(c);
}

void publisher_destroy(struct publisher *p)
{
	if (!p)
		return;
	if (p->source > 0)
		loop_remove(p->broker->loop, p->source);
	if (p->mending > 0)
		loop_remove(p->broker->loop, p->mending);
	bound_destroy(p->bound);
	for (struct channel *c = p->first, *next; c; c = next) {
		next = c->next;
		free_channel(c);
	}
	buf_fini(&p->pairs);
	buf_fini(&p->header);
	free(p);
}

static void mend(void *arg)
{
	struct publisher *p = arg;
	struct ksnap_err err;
	int rc = bound_mend(p->bound, &err);

	loop_socket_used(p->broker->loop, p->source);
	p->mending = 0;
	if (rc == KSNAP_E_BUSY)
		rc = p->mending = loop_add_deadline(
			p->broker->loop, clock_mono_ns() + MEND_MS * NS_PER_MS, mend, p, &err);
	if (rc < 0)
		log_error("the live socket stays closed on tcp: %s", err.text);
}

void publisher_cut(struct publisher *p)
{
	bound_cut(p->bound);
	loop_socket_used(p->broker->loop, p->source);
	if (p->mending <= 0)
		mend(p);
}

const char *const *publisher_endpoints(const struct publisher *p)
{
	return bound_endpoints(p->bound);
}

struct channel *publisher_find(struct publisher *p, struct wire_slice name)
{
	for (struct channel *c = p->first; c; c = c->next)
		if (wire_slice_is(name, c->name))
			return c;
	return NULL;
}

static void make_prefix(struct channel *c)
{
	struct buf b = { .data = c->prefix, .cap = sizeof(c->prefix) };

	emit_str(&b, "v");
	emit_uint(&b, KSNAP_PROTOCOL);
	emit_str(&b, "epoch");
	emit_uint(&b, c->publisher->broker->epoch);
	emit_str(&b, "ch");
	emit_str(&b, c->name);
	emit_str(&b, "seq");
	c->prefix_len = b.len;
}

static void append_channel(struct publisher *p, struct channel *c)
{
	c->next = NULL;
	*(p->tail ? &p->tail->next : &p->first) = c;
	p->tail = c;
}

static void unlink_channel(struct publisher *p, struct channel *c)
{
	struct channel **link = &p->first, *prev = NULL;

	while (*link != c) {
		prev = *link;
		link = &prev->next;
	}
	*link = c->next;
	if (p->tail == c)
		p->tail = prev;
}

static uint64_t *floor_of(struct publisher *p, const struct channel *c)
{
	uint32_t hash = 2166136261u;

	for (const char *s = c->name; *s; s++)
		hash = (hash ^ (uint8_t)*s) * 16777619u;
	return &p->floor[hash % FLOORS];
}

struct channel *publisher_channel(struct publisher *p, const char *prefix, const char *name,
				  struct ksnap_err *err)
{
	char full[NAME_MAX_BYTES];
	struct channel *c;

	snprintf(full, sizeof(full), name ? "%s/%s" : "%s", prefix, name);
	c = publisher_find(p, wire_slice_of(full));
	if (c) {
		p->nretired -= c->retired;
		c->retired = false;
		return c;
	}
	c = calloc(1, sizeof(*c));
	if (!c || !(c->name_frame = ksnap_blob_copy(full, strlen(full)))) {
		free(c);
		err_nomem(err);
		return NULL;
	}
	c->publisher = p;
	strcpy(c->name, full);
	make_prefix(c);
	c->start = c->last = *floor_of(p, c);
	append_channel(p, c);
	return c;
}

static void forget_channel(struct publisher *p, struct channel *c)
{
	uint64_t *floor = floor_of(p, c);

	if (c->last > *floor)
		*floor = c->last;
	unlink_channel(p, c);
	free_channel(c);
}

static struct channel *oldest_retired(struct publisher *p)
{
	struct channel *c = p->first;

	while (!c->retired)
		c = c->next;
	return c;
}

void publisher_retire(struct publisher *p, struct channel *c)
{
	if (!c)
		return;
	if (c->last == c->start) {
		forget_channel(p, c);
		return;
	}
	/* To the list's end: the retired stand in it by age. */
	unlink_channel(p, c);
	append_channel(p, c);
	c->retired = true;
	if (++p->nretired > MAX_RETIRED) {
		forget_channel(p, oldest_retired(p));
		p->nretired--;
	}
}

/* Begin to write the header's map with room for @extra more pairs behind its own. */
static struct buf *begin_header(const struct channel *c, uint64_t seq, int64_t ts, const char *kind,
				size_t extra)
{
	struct buf *b = &c->publisher->header;

	buf_clear(b);
	emit_map(b, BASE_KEYS + extra);
	buf_append(b, c->prefix, c->prefix_len);
	emit_uint(b, seq);
	emit_str(b, "ts");
	emit_int(b, ts);
	emit_str(b, "k");
	emit_str(b, kind);
	return b;
}

static bool has_room(const struct publisher *p, uint64_t bytes)
{
	uint64_t sum = bytes;

	for (const struct channel *c = p->first; c; c = c->next)
		sum += behind_bytes(&c->behind);
	return sum <= p->broker->max_behind || sum <= REPORTS_MIN * bytes;
}

/* NULL: no memory. */
static struct ksnap_blob *shared(struct channel *c, struct ksnap_blob *report)
{
	if (FAULT_IS(FAULT_COPY_REPORT))
		return ksnap_blob_copy(ksnap_blob_data(report), ksnap_blob_size(report));
	return behind_blob(&c->behind, report);
}

static void send_live(struct channel *c, const struct buf *header, struct ksnap_blob *payload)
{
	struct publisher *p = c->publisher;
	uint64_t *drops = p->broker->tally.drops;
	_frames_ struct frames f = { 0 };
	int rc = c->name_frame ? frames_push(&f, ksnap_blob_ref(c->name_frame))
			       : frames_push_copy(&f, c->name, strlen(c->name));

	rc = rc ? rc : frames_push_copy(&f, header->data, header->len);
	if (payload && !rc)
		rc = frames_push(&f, shared(c, payload));
	loop_socket_used(p->broker->loop, p->source);
	if (rc)
		drops[DROP_LIVE_MEMORY]++;
	else if (frames_send(bound_socket(p->bound), &f, NULL))
		drops[DROP_LIVE_SEND]++;
}

/* Give out the next number; the place of its header is empty until it is kept. */
static uint64_t next_number(struct channel *c)
{
	c->last++;
	if (!c->kept)
		c->kept = retained_create();
	if (c->kept)
		retained_make_room(c->kept, c->last);
	return c->last;
}

static bool is_heard(struct channel *c)
{
	const struct heard *h = &c->publisher->heard;

	if (c->heard_at != h->changes + 1) {
		c->is_heard = heard_is(h, c->name);
		c->heard_at = h->changes + 1;
	}
	return c->is_heard;
}

/* Keep what was written as the header of the newest number, and send it to those who listen. */
static void finish(struct channel *c, struct ksnap_blob *payload)
{
	const struct buf *header = &c->publisher->header;

	if (!buf_ok(header) ||
	    (c->kept && retained_put(c->kept, c->last, header->data, header->len))) {
		c->publisher->broker->tally.drops[DROP_LIVE_MEMORY]++;
		return;
	}
	if (!is_heard(c))
		return;
	behind_step(&c->behind);
	if (payload && !has_room(c->publisher, ksnap_blob_size(payload))) {
		c->publisher->broker->tally.drops[DROP_LIVE_REPORT]++;
		payload = NULL;
	}
	send_live(c, header, payload);
}

static void emit_event_field(struct buf *b, const struct ksnap_event_field *f)
{
	emit_str(b, f->name);
	if (f->str)
		emit_str(b, f->str);
	else
		emit_uint(b, f->num);
}

void publish_event(struct channel *c, const struct ksnap_event *ev)
{
	struct buf *b;

	if (FAULT_IS(FAULT_LOSE_LIVE) && ev->seq % 100 == 0)
		return;
	b = begin_header(c, next_number(c), ev->ts, ksnap_event_name(ev->kind), ev->nfields + 1);
	emit_str(b, "mono");
	emit_uint(b, ev->mono);
	for (unsigned i = 0; i < ev->nfields; i++)
		emit_event_field(b, &ev->fields[i]);
	finish(c, NULL);
}

/* Encoded maps of fewer than 16 pairs are one byte and then their pairs, which may stand in another
 * map as they are. */
static void encode_pairs(struct publisher *p, const struct wire_shape *shape, const void *body)
{
	buf_clear(&p->pairs);
	if (wire_encode(shape, body, &p->pairs))
		p->pairs.failed = true;
}

/* A message of the pairs that were encoded last. */
static void publish_pairs(struct channel *c, int64_t ts, const char *kind,
			  struct ksnap_blob *payload)
{
	const struct buf *pairs = &c->publisher->pairs;
	uint64_t seq = next_number(c);
	struct buf *b;

	if (!buf_ok(pairs)) {
		c->publisher->broker->tally.drops[DROP_LIVE_MEMORY]++;
		return;
	}
	b = begin_header(c, seq, ts, kind, pairs->data[0] & 0x0f);
	buf_append(b, pairs->data + 1, pairs->len - 1);
	finish(c, payload);
}

void publish(struct channel *c, const char *kind, const struct wire_shape *shape, const void *body)
{
	encode_pairs(c->publisher, shape, body);
	publish_pairs(c, clock_real_ns(), kind, NULL);
}

void publish_snapshot(struct channel *snapshot, struct channel *report, const struct ksnap_entry *e,
		      const struct capture_counts *counts)
{
	struct wire_live_captured body = {
		.tag = wire_slice_of(e->tag),
		.stored_seq = e->seq,
		.bytes = ksnap_blob_size(e->report),
		.complete = e->complete,
		.placeholder = e->placeholder,
		.step = e->step,
		.has_step = e->has_step,
		.elapsed_ms = e->elapsed_ms,
		.has_elapsed_ms = e->has_elapsed_ms,
		.boundary_ms = e->boundary_ms,
		.has_boundary_ms = e->has_boundary_ms,
		.has_maps = counts != NULL,
		.has_reason_count = counts != NULL,
	};

	if (counts) {
		body.maps = counts->maps;
		body.reason_count = counts->reasons;
	}
	encode_pairs(snapshot->publisher, &wire_shape_live_captured, &body);
	publish_pairs(snapshot, e->ts, "captured", NULL);
	publish_pairs(report, e->ts, "captured", e->report);
}

void publish_beat(struct publisher *p)
{
	struct channel beat = { .publisher = p, .name = "beat" };
	struct buf *b;
	size_t n = 0;

	for (struct channel *c = p->first; c; c = c->next)
		n++;
	make_prefix(&beat);
	b = begin_header(&beat, 0, clock_real_ns(), "beat", 1);
	emit_str(b, "last");
	emit_map(b, n);
	for (struct channel *c = p->first; c; c = c->next) {
		emit_str(b, c->name);
		emit_uint(b, c->last);
	}
	if (buf_ok(b))
		send_live(&beat, b, NULL);
}

void channel_range(const struct channel *c, uint64_t *ret_first, uint64_t *ret_last)
{
	uint64_t cap = LIMIT_MAX_RETAINED_HEADERS, n = c->last - c->start;

	*ret_last = c->last;
	*ret_first = !n || !c->kept ? 0 : c->last - (n < cap ? n : cap) + 1;
}

bool channel_header(const struct channel *c, uint64_t seq, struct retained_header *ret)
{
	uint64_t first, last;

	channel_range(c, &first, &last);
	return first && seq >= first && seq <= last && retained_hold(c->kept, seq, ret);
}

int publisher_status(struct publisher *p, struct wire_list *ret)
{
	struct wire_channel_row *rows;
	size_t n = 0;

	for (struct channel *c = p->first; c; c = c->next)
		n++;
	rows = calloc(n ? n : 1, sizeof(*rows));
	if (!rows)
		return KSNAP_E_NOMEM;
	n = 0;
	for (struct channel *c = p->first; c; c = c->next) {
		struct wire_channel_row *row = &rows[n++];

		row->channel = wire_slice_of(c->name);
		row->published = c->last;
		channel_range(c, &row->first, &row->retained);
		row->retained = row->first ? c->last - row->first + 1 : 0;
	}
	*ret = (struct wire_list){ rows, n };
	return 0;
}
