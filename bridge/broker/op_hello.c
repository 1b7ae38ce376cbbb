// SPDX-License-Identifier: MIT
/* op_hello.c - a client names itself and learns what it talks to. */
#include <stdlib.h>

#include "base/limits.h"
#include "broker/publish.h"
#include "broker/request.h"
#include "broker/session.h"
#include "broker/status_rows.h"
#include "broker/workers.h"
#include "wire/pack.h"

#include "base/error.h"

static uint64_t limit_in_force(const struct broker *b, enum limit_id id)
{
	switch (id) {
	case LIMIT_ID_MAX_STORED_SNAPSHOTS:
		return b->limits.snapshots;
	case LIMIT_ID_MAX_STORED_BYTES:
		return b->limits.bytes;
	case LIMIT_ID_MAX_STORED_EVENTS:
		return b->limits.events;
	case LIMIT_ID_MAX_WATCH_SNAPSHOTS:
		return b->limits.watches;
	case LIMIT_ID_MAX_CONTROL_FRAME:
		return b->max_frame;
	case LIMIT_ID_MAX_BLOB:
		return b->max_blob;
	case LIMIT_ID_MAX_BRIDGES:
		return b->max_bridges;
	case LIMIT_ID_MAX_SESSIONS:
		return b->max_sessions;
	case LIMIT_ID_MAX_UNREAD_BYTES:
		return b->max_unread;
	case LIMIT_ID_MAX_BEHIND_BYTES:
		return b->max_behind;
	case LIMIT_ID_MAX_QUEUED_JOBS:
		return b->max_queued_jobs;
	default:
		return limit_table[id].value;
	}
}

static void pack_limits(const struct broker *b, struct buf *out)
{
	msgpack_packer pk;

	pack_init(&pk, out);
	msgpack_pack_map(&pk, LIMIT_COUNT);
	for (enum limit_id id = 0; id < LIMIT_COUNT; id++) {
		pack_str(&pk, limit_table[id].name);
		msgpack_pack_uint64(&pk, limit_in_force(b, id));
	}
}

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_hello_params *p = rq->params;
	struct broker *b = rq->broker;
	struct wire_slice rights[RIGHT_ADMIN + 1], live[ROW_ENDPOINTS], work[ROW_ENDPOINTS];
	_buf_ struct buf limits = BUF_INIT;
	struct wire_hello_reply reply = {
		.api = KSNAP_API_LEVEL,
		.epoch = b->epoch,
		.version = wire_slice_of(ksnap_version()),
		.heartbeat_ms = LIMIT_HEARTBEAT_MS,
		.live = endpoint_list(publisher_endpoints(b->publisher), live),
		.work = endpoint_list(workers_endpoints(b->workers), work),
		.rights = { rights, rq->right + 1 },
		.bridge_limits = limits_row(&b->limits),
	};

	for (enum wire_right r = 0; r <= rq->right; r++)
		rights[r] = wire_slice_of(wire_right_name(r));
	pack_limits(b, &limits);
	if (!buf_ok(&limits))
		return err_nomem(err);
	reply.limits = (struct wire_slice){ (char *)limits.data, limits.len };
	session_introduce(rq->session, p->client, p->kind, p->has_pid ? p->pid : 0);
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_hello = { .run = run };
