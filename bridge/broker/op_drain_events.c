// SPDX-License-Identifier: MIT
/* op_drain_events.c - every event of the bridge, in order. */
#include "base/error.h"
#include "broker/bridges.h"
#include "broker/request.h"
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

static int run(struct request *rq, struct ksnap_err *err)
{
	struct hosted *h = request_bridge(rq, err);
	_buf_ struct buf out = BUF_INIT;
	struct ksnap_event *events;
	msgpack_packer pk;
	size_t n;
	int rc;

	if (!h)
		return err->code;
	rc = ksnap_bridge_drain_events(h->core, &events, &n, err);
	if (rc)
		return rc;
	pack_init(&pk, &out);
	msgpack_pack_array(&pk, n);
	for (size_t i = 0; i < n; i++)
		pack_event(&pk, &events[i]);
	ksnap_events_free(events, n);
	if (!buf_ok(&out))
		return err_nomem(err);
	request_answer_raw(rq, (struct wire_slice){ (char *)out.data, out.len }, NULL, 0);
	return 0;
}

const struct op op_drain_events = { .run = run };
