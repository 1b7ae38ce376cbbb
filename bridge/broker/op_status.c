// SPDX-License-Identifier: MIT
/* op_status.c - what the broker is doing, counted. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "broker/bridges.h"
#include "broker/publish.h"
#include "broker/request.h"
#include "broker/router.h"
#include "broker/session.h"
#include "broker/state.h"
#include "broker/status_rows.h"
#include "broker/tally.h"
#include "broker/workers.h"
#include "broker/zap.h"

static uint64_t resident_bytes(const struct broker *b)
{
	unsigned long size, resident;
	char line[128];
	ssize_t n = pread(b->statm, line, sizeof(line) - 1, 0);

	if (n <= 0)
		return 0;
	line[n] = '\0';
	if (sscanf(line, "%lu %lu", &size, &resident) != 2)
		return 0;
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct wire_bridge_row bridge_row(struct hosted *h)
{
	struct ksnap_bridge_stats s;
	struct ksnap_limits limits;

	ksnap_bridge_stats(h->core, &s);
	ksnap_bridge_limits(h->core, &limits);
	return (struct wire_bridge_row){
		.name = wire_slice_of(h->name),
		.stored = s.stored,
		.bytes = s.bytes,
		.accepted = s.accepted,
		.evicted = s.evicted,
		.overwritten = s.overwritten,
		.drained = s.drained,
		.refused = s.refused,
		.unavailable = s.unavailable,
		.events_kept = s.events_kept,
		.events_raised = s.events_raised,
		.events_dropped = s.events_dropped,
		.watches = s.watches,
		.limits = limits_row(&limits),
	};
}

static int bridge_rows(struct bridges *bs, struct wire_list *ret)
{
	size_t n = bridges_count(bs), i = 0;
	struct wire_bridge_row *rows = calloc(n + 1, sizeof(*rows));

	if (!rows)
		return KSNAP_E_NOMEM;
	for (struct hosted *h = bridges_first(bs); h; h = h->next)
		rows[i++] = bridge_row(h);
	*ret = (struct wire_list){ rows, n };
	return 0;
}

static size_t op_rows(const struct tally *t, struct wire_op_count rows[OP_COUNT])
{
	size_t n = 0;

	for (size_t i = 0; i < OP_COUNT; i++)
		if (t->ops[i])
			rows[n++] = (struct wire_op_count){ .op = wire_slice_of(wire_ops[i].name),
							    .n = t->ops[i],
							    .errors = t->failed[i] };
	return n;
}

static size_t error_rows(const struct tally *t, struct wire_error_count *rows, size_t max)
{
	const char *name;
	uint64_t count;
	size_t n = 0;

	for (unsigned i = 0; n < max && (name = tally_error_row(t, i, &count)); i++)
		if (count)
			rows[n++] = (struct wire_error_count){ .code = wire_slice_of(name),
							       .n = count };
	return n;
}

static size_t drop_rows(const struct tally *t, struct wire_dropped_count rows[TALLY_DROPS])
{
	size_t n = 0;

	for (enum tally_drop d = 0; d < TALLY_DROPS; d++)
		if (t->drops[d])
			rows[n++] = (struct wire_dropped_count){
				.what = wire_slice_of(tally_drop_name(d)), .n = t->drops[d]
			};
	return n;
}

static struct wire_latency_counts latency_counts(const struct tally *t,
						 struct wire_latency_count rows[TALLY_LATENCIES])
{
	struct wire_latency_counts ret = { .sum_us = t->latency_us,
					   .rows = { rows, TALLY_LATENCIES } };

	for (unsigned i = 0; i < TALLY_LATENCIES; i++) {
		ret.n += t->latencies[i];
		rows[i] =
			(struct wire_latency_count){ .le_us = tally_latency_bound(i), .n = ret.n };
	}
	ret.n += t->latencies[TALLY_LATENCIES];
	return ret;
}

static void answer(struct request *rq, struct wire_status_reply *reply)
{
	struct broker *b = rq->broker;
	struct wire_slice control[ROW_ENDPOINTS], live[ROW_ENDPOINTS], work[ROW_ENDPOINTS];
	struct wire_op_count ops[OP_COUNT];
	struct wire_error_count errors[32];
	struct wire_dropped_count drops[TALLY_DROPS];
	struct wire_latency_count latencies[TALLY_LATENCIES];

	reply->version = wire_slice_of(ksnap_version());
	reply->api = KSNAP_API_LEVEL;
	reply->epoch = b->epoch;
	reply->uptime_ms = (clock_mono_ns() - b->started_mono_ns) / NS_PER_MS;
	reply->rss_bytes = resident_bytes(b);
	reply->refused_connections = b->refused_connections ? b->refused_connections() : 0;
	reply->refused_handshakes = zap_refused(b->zap);
	reply->endpoints.control = endpoint_list(router_endpoints(b->router), control);
	reply->endpoints.live = endpoint_list(publisher_endpoints(b->publisher), live);
	reply->endpoints.work = endpoint_list(workers_endpoints(b->workers), work);
	reply->ops = (struct wire_list){ ops, op_rows(&b->tally, ops) };
	reply->errors = (struct wire_list){ errors, error_rows(&b->tally, errors, 32) };
	reply->dropped = (struct wire_list){ drops, drop_rows(&b->tally, drops) };
	reply->latency = latency_counts(&b->tally, latencies);
	reply->has_state = b->state != NULL;
	if (b->state)
		state_row(b->state, &reply->state);
	request_answer(rq, reply, NULL, 0);
}

static int run(struct request *rq, struct ksnap_err *err)
{
	struct wire_status_reply reply = { 0 };
	struct broker *b = rq->broker;
	int rc = bridge_rows(b->bridges, &reply.bridges);

	rc = rc ? rc : sessions_status(b->sessions, &reply.sessions);
	rc = rc ? rc : workers_status(b->workers, &reply.workers, &reply.targets);
	rc = rc ? rc : publisher_status(b->publisher, &reply.channels);
	if (rc)
		err_nomem(err);
	else
		answer(rq, &reply);
	sessions_status_free(&reply.sessions);
	free(reply.bridges.items);
	free(reply.workers.items);
	free(reply.targets.items);
	free(reply.channels.items);
	return rc;
}

const struct op op_status = { .run = run };
