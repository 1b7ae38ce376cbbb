// SPDX-License-Identifier: MIT
/* kernel_op.c - submit, answer, and keep a record either way. */
#include "broker/kernel_op.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "broker/bridges.h"
#include "broker/freezing.h"
#include "broker/snapshot_row.h"
#include "broker/workers.h"
#include "core/bridge.h"
#include "wire/pack.h"

/* {op, params}, as drain_kernel_ops takes it apart again. */
static struct ksnap_blob *request_record(const struct request *rq)
{
	_buf_ struct buf out = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &out);
	msgpack_pack_map(&pk, 2);
	pack_str(&pk, "op");
	pack_str(&pk, rq->row->name);
	pack_str(&pk, "params");
	buf_append(&out, rq->env.params.p, rq->env.params.len);
	return buf_take_blob(&out);
}

static bool tag_of(const struct request *rq, char tag[KSNAP_TAG_MAX + 1])
{
	_buf_ struct buf copy = BUF_INIT;
	struct wire_slice s;
	msgpack_unpacked u;
	size_t off = 0;
	bool ok = wire_map_find(rq->env.params, "tag", &s);

	msgpack_unpacked_init(&u);
	ok = ok && msgpack_unpack_next(&u, s.p, s.len, &off) == MSGPACK_UNPACK_SUCCESS &&
	     u.data.type == MSGPACK_OBJECT_STR && u.data.via.str.size <= KSNAP_TAG_MAX;
	if (ok)
		snprintf(tag, KSNAP_TAG_MAX + 1, "%.*s", (int)u.data.via.str.size,
			 u.data.via.str.ptr);
	msgpack_unpacked_destroy(&u);
	return ok;
}

/* @result: of a success; @why: of a failure. */
static void record(struct request *rq, struct wire_slice result, const struct ksnap_err *why)
{
	struct hosted *h = request_bridge_if_open(rq, NULL);
	_blob_ struct ksnap_blob *request = h ? request_record(rq) : NULL;
	_blob_ struct ksnap_blob *reply = why ? NULL : ksnap_blob_copy(result.p, result.len);
	struct ksnap_kernel_op op = { .request = request, .success = !why, .reply = reply };
	struct ksnap_err err = { 0 };
	struct wire_slice value;

	if (!h || !tag_of(rq, op.tag))
		return;
	op.has_value = reply && wire_map_find(result, "value", &value);
	if (why)
		snprintf(op.reason, sizeof(op.reason), "%s: %.*s", ksnap_err_name(why->code),
			 KSNAP_ERR_TEXT - 24, why->text);
	if (bridge_record_kernel_op(h->core, &op, &err))
		log_error("%s under %s is not in the log: %s", rq->row->name, op.tag, err.text);
}

static int submit(struct request *rq, struct wire_slice target, struct wire_slice freeze,
		  const struct wire_shape *shape, const void *params, struct ksnap_err *err)
{
	struct job_spec spec = { .target = target };
	_buf_ struct buf own = BUF_INIT;

	if (freeze.len) {
		freezing_pin(rq, freeze, &spec);
		if (freezing_params(rq, shape, params, &own, &spec, err))
			return err->code;
	}
	return workers_submit(rq->broker->workers, rq, &spec, err);
}

int kernel_op_submit(struct request *rq, struct wire_slice target, struct wire_slice freeze,
		     const struct wire_shape *shape, const void *params, struct ksnap_err *err)
{
	int rc;

	if (!request_bridge(rq, err))
		return err->code;
	rc = submit(rq, target, freeze, shape, params, err);
	if (rc)
		record(rq, (struct wire_slice){ 0 }, err);
	return rc;
}

int kernel_op_done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		   struct ksnap_err *err)
{
	_free_ void *reply = calloc(1, rq->row->reply->size);
	int rc = reply ? request_result(rq, rq->row->reply, result, reply, err) : err_nomem(err);

	if (rc)
		return rc;
	record(rq, result, NULL);
	request_answer_raw(rq, result, NULL, 0);
	return 0;
}

void kernel_op_failed(struct request *rq, const struct ksnap_err *err)
{
	record(rq, (struct wire_slice){ 0 }, err);
}
