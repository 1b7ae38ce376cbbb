// SPDX-License-Identifier: MIT
/* wire_targets.c - scan, envelopes and params, each held to what it promises. */
#include <stdlib.h>

#include "targets.h"
#include "wire/envelope.h"
#include "wire/report_head.h"
#include "wire/scan.h"
#include "wire/shapes.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

int fuzz_scan(const uint8_t *data, size_t len)
{
	struct report_head head;
	size_t used = 0;

	if (!scan_object(data, len, &used, NULL))
		must(used > 0 && used <= len);
	if (!scan_whole(data, len, NULL))
		must(used == len);
	report_head_read(data, len, &head, NULL);
	return 0;
}

/* What was decoded can be sent on and means the same. */
static void send_on(const struct wire_request *rq)
{
	_buf_ struct buf b = BUF_INIT;
	struct wire_request again;

	must(!request_encode(rq, &b));
	must(!request_decode(b.data, b.len, &again, NULL));
	must(again.id.kind == rq->id.kind && again.params.len == rq->params.len);
}

int fuzz_envelope(const uint8_t *data, size_t len)
{
	struct wire_request rq;
	struct wire_reply rp;
	struct ksnap_err err = { 0 };
	struct wire_id id;

	request_find_id(data, len, &id);
	if (!request_decode(data, len, &rq, &err))
		send_on(&rq);
	else
		must(err.code == KSNAP_E_PROTO || err.code == KSNAP_E_ARG);
	if (!reply_decode(data, len, &rp, &err) && !rp.ok)
		reply_to_err(&rp, &err);
	return 0;
}

static void decode(const struct wire_shape *shape, const uint8_t *data, size_t len,
		   enum wire_unknown unknown)
{
	struct wire_arena arena = { 0 };
	_buf_ struct buf b = BUF_INIT;
	struct ksnap_err err = { 0 };
	void *value = malloc(shape->size + 1);

	if (wire_decode(shape, data, len, unknown, &arena, value, &err))
		must(err.code == KSNAP_E_PROTO || err.code == KSNAP_E_ARG);
	else
		must(!wire_encode(shape, value, &b));
	wire_arena_fini(&arena);
	free(value);
}

int fuzz_params(const uint8_t *data, size_t len)
{
	const struct wire_op *op = len ? &wire_ops[data[0] % OP_COUNT] : NULL;

	if (!op)
		return 0;
	decode(op->params, data + 1, len - 1, WIRE_REFUSE_UNKNOWN);
	decode(op->reply, data + 1, len - 1, WIRE_SKIP_UNKNOWN);
	return 0;
}
