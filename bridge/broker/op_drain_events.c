// SPDX-License-Identifier: MIT
/* op_drain_events.c - every event of the bridge, in order. */
#include "base/error.h"
#include "broker/bridges.h"
#include "broker/request.h"
#include "core/bridge.h"
#include "core/events.h"
#include "wire/pack.h"

static void pack_event(msgpack_packer *pk, const struct ksnap_event *ev)
{
	msgpack_pack_map(pk, 4 + ev->nfields);
	pack_str(pk, "seq");
	msgpack_pack_uint64(pk, ev->seq);
	pack_str(pk, "ts");
	msgpack_pack_int64(pk, ev->ts);
	pack_str(pk, "mono");
	msgpack_pack_uint64(pk, ev->mono);
	pack_str(pk, "k");
	pack_str(pk, ksnap_event_name(ev->kind));
	for (unsigned i = 0; i < ev->nfields; i++) {
		pack_str(pk, ev->fields[i].name);
		if (ev->fields[i].str)
			pack_str(pk, ev->fields[i].str);
		else
			msgpack_pack_uint64(pk, ev->fields[i].num);
	}
}

/* As a drain gives them. */
static int pack_all(const struct events *ev, struct buf *out, struct ksnap_err *err)
{
	struct ksnap_event mark;
	bool marked = events_mark(ev, &mark);
	msgpack_packer pk;

	pack_init(&pk, out);
	msgpack_pack_array(&pk, ev->kept + marked);
	for (const struct event_node *node = ev->head; node; node = node->next)
		pack_event(&pk, &node->event);
	if (marked)
		pack_event(&pk, &mark);
	return buf_ok(out) ? 0 : err_nomem(err);
}

static int run(struct request *rq, struct ksnap_err *err)
{
	struct hosted *h = request_bridge(rq, err);
	_buf_ struct buf out = BUF_INIT;
	struct ksnap_event *events;
	size_t n;
	int rc;

	if (!h)
		return err->code;
	rc = pack_all(bridge_events(h->core), &out, err);
	rc = rc ? rc
		: request_prepare_raw(rq, (struct wire_slice){ (char *)out.data, out.len }, err);
	rc = rc ? rc : ksnap_bridge_drain_events(h->core, &events, &n, err);
	if (rc)
		return rc;
	ksnap_events_free(events, n);
	request_send(rq);
	return 0;
}

const struct op op_drain_events = { .run = run };
