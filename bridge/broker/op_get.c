// SPDX-License-Identifier: MIT
/* op_get.c - a stored snapshot: its report by reference, or rendered by a worker. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "broker/bridges.h"
#include "broker/request.h"
#include "broker/snapshot_row.h"
#include "broker/workers.h"
#include "wire/pack.h"

static struct wire_get_reply reply_of(const struct ksnap_entry *e)
{
	struct wire_get_reply reply = { SNAPSHOT_ROW_OF(e) };

	reply.has_stats = e->stats != NULL;
	reply.has_stats_reason = !e->stats;
	if (e->stats)
		reply.stats =
			(struct wire_slice){ ksnap_blob_data(e->stats), ksnap_blob_size(e->stats) };
	else
		reply.stats_reason = wire_slice_of(stats_reason_word(e->stats_reason));
	return reply;
}

/* Rendering walks the whole report, so a worker does it. The entry stays with the request: it may
 * be evicted meanwhile. */
static int render(struct request *rq, const struct wire_get_params *p, struct ksnap_err *err)
{
	_buf_ struct buf params = BUF_INIT;
	struct job_spec spec = { .op = "render", .blob = rq->entry->report };
	msgpack_packer pk;

	pack_init(&pk, &params);
	msgpack_pack_map(&pk, 1 + p->has_path);
	pack_str(&pk, "tag");
	pack_strn(&pk, p->tag.p, p->tag.len);
	if (p->has_path) {
		pack_str(&pk, "path");
		pack_strn(&pk, p->path.p, p->path.len);
	}
	if (!buf_ok(&params))
		return err_nomem(err);
	spec.params = (struct wire_slice){ (char *)params.data, params.len };
	return workers_submit(rq->broker->workers, rq, &spec, err);
}

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_get_params *p = rq->params;
	struct hosted *h = request_bridge(rq, err);
	bool tree = p->has_as && wire_slice_is(p->as, "tree");
	struct wire_get_reply reply;
	char tag[KSNAP_TAG_MAX + 1];
	int rc;

	if (!h)
		return err->code;
	if (p->has_path && !tree)
		return err_set(err, KSNAP_E_ARG,
			       "path: only with as = \"tree\"; a report is given whole");
	rq->entry = calloc(1, sizeof(*rq->entry));
	if (!rq->entry)
		return err_nomem(err);
	tag_copy(tag, p->tag);
	rc = ksnap_bridge_get(h->core, tag, rq->entry, err);
	if (rc)
		return rc;
	if (tree)
		return render(rq, p, err);
	reply = reply_of(rq->entry);
	request_answer(rq, &reply, &rq->entry->report, 1);
	return 0;
}

static int done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		struct ksnap_err *err)
{
	struct wire_get_reply reply = reply_of(rq->entry);
	const struct limit_info *l = &limit_table[LIMIT_ID_MAX_CONTROL_FRAME];

	if (result.len > rq->broker->max_frame)
		return err_set(
			err, KSNAP_E_LIMIT,
			"rendered it has %zu bytes, %lu fit into an envelope (limit %s; raise "
			"it with ksnap serve %s): name a part of it with path, or get the "
			"report itself",
			result.len, (unsigned long)rq->broker->max_frame, l->name, l->change);
	reply.tree = result;
	reply.has_tree = true;
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_get = { .run = run, .done = done };
