// SPDX-License-Identifier: MIT
/* metrics.c - the reply of the op status as OpenMetrics text. */
#include "cli/metrics.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "cli/out.h"
#include "cli/print.h"
#include "report/reader.h"

#define LABELS_MAX 2

enum metric_type { GAUGE, COUNTER };

/* A family: one number of the reply, or one of each row of a list in it. */
struct metric {
	const char *name; /* without what its type adds */
	enum metric_type type;
	const char *unit; /* the name ends in it; NULL: a plain count */
	const char *help;
	const char *list;               /* NULL: the reply itself */
	const char *within;             /* NULL, or the map of a row that has the value */
	const char *key;                /* NULL: the rows themselves are counted */
	const char *labels[LABELS_MAX]; /* keys of the row */
	uint64_t per_unit;              /* how many of the reply's make one; 0: 1 */
};

#define BRIDGE(name, type, unit, help, within, key)                                           \
	{                                                                                     \
		"ksnap_bridge_" name, type, unit, help, "bridges", within, key, { "name" }, 0 \
	}

static const struct metric metrics[] = {
	{ "ksnap_uptime_seconds",
	  GAUGE,
	  "seconds",
	  "Since the broker began to serve.",
	  NULL,
	  NULL,
	  "uptime_ms",
	  { NULL },
	  1000 },
	{ "ksnap_resident_bytes",
	  GAUGE,
	  "bytes",
	  "Resident memory of the broker.",
	  NULL,
	  NULL,
	  "rss_bytes",
	  { NULL },
	  0 },
	{ "ksnap_refused_connections",
	  COUNTER,
	  NULL,
	  "Connections refused for want of a descriptor or of memory.",
	  NULL,
	  NULL,
	  "refused_connections",
	  { NULL },
	  0 },
	{ "ksnap_refused_handshakes",
	  COUNTER,
	  NULL,
	  "Connections refused in their handshake.",
	  NULL,
	  NULL,
	  "refused_handshakes",
	  { NULL },
	  0 },
	{ "ksnap_state_bytes",
	  GAUGE,
	  "bytes",
	  "Files in the folder of --state.",
	  NULL,
	  "state",
	  "bytes",
	  { NULL },
	  0 },
	{ "ksnap_state_behind",
	  GAUGE,
	  NULL,
	  "1 while the folder of --state lacks something.",
	  NULL,
	  "state",
	  "behind",
	  { NULL },
	  0 },
	{ "ksnap_requests",
	  COUNTER,
	  NULL,
	  "Requests received, by operation.",
	  "ops",
	  NULL,
	  "n",
	  { "op" },
	  0 },
	{ "ksnap_request_failures",
	  COUNTER,
	  NULL,
	  "Requests refused or failed, by operation.",
	  "ops",
	  NULL,
	  "errors",
	  { "op" },
	  0 },
	{ "ksnap_errors",
	  COUNTER,
	  NULL,
	  "Refusals sent, by code.",
	  "errors",
	  NULL,
	  "n",
	  { "code" },
	  0 },
	{ "ksnap_published",
	  COUNTER,
	  NULL,
	  "Live messages, by channel.",
	  "channels",
	  NULL,
	  "published",
	  { "channel" },
	  0 },
	{ "ksnap_retained",
	  GAUGE,
	  NULL,
	  "Headers kept for replay, by channel.",
	  "channels",
	  NULL,
	  "retained",
	  { "channel" },
	  0 },
	{ "ksnap_dropped",
	  COUNTER,
	  NULL,
	  "Let go by bounded queues, by queue.",
	  "dropped",
	  NULL,
	  "n",
	  { "what" },
	  0 },
	BRIDGE("snapshots", GAUGE, NULL, "Snapshots stored now.", NULL, "stored"),
	BRIDGE("snapshots_limit", GAUGE, NULL, "Snapshots stored at most.", "limits", "snapshots"),
	BRIDGE("stored_bytes", GAUGE, "bytes", "Bytes of reports stored now.", NULL, "bytes"),
	BRIDGE("limit_bytes", GAUGE, "bytes", "Bytes of reports stored at most.", "limits",
	       "bytes"),
	BRIDGE("accepted", COUNTER, NULL, "Snapshots ever stored.", NULL, "accepted"),
	BRIDGE("evicted", COUNTER, NULL, "Snapshots gone because a cap was reached.", NULL,
	       "evicted"),
	BRIDGE("overwritten", COUNTER, NULL, "Snapshots replaced under their tag.", NULL,
	       "overwritten"),
	BRIDGE("drained", COUNTER, NULL, "Snapshots taken by drains.", NULL, "drained"),
	BRIDGE("refused", COUNTER, NULL, "Reports refused as too large.", NULL, "refused"),
	BRIDGE("unavailable", COUNTER, NULL, "Captures that gave no report.", NULL, "unavailable"),
	BRIDGE("events", GAUGE, NULL, "Events kept now.", NULL, "events_kept"),
	BRIDGE("events_limit", GAUGE, NULL, "Events kept at most.", "limits", "events"),
	BRIDGE("events_raised", COUNTER, NULL, "Events ever raised.", NULL, "events_raised"),
	BRIDGE("events_dropped", COUNTER, NULL, "Events gone because the log was full.", NULL,
	       "events_dropped"),
	BRIDGE("watches", GAUGE, NULL, "Watches held now.", NULL, "watches"),
	BRIDGE("watches_limit", GAUGE, NULL, "Watches held at most.", "limits", "watches"),
	{ "ksnap_sessions",
	  GAUGE,
	  NULL,
	  "Sessions known now.",
	  "sessions",
	  NULL,
	  NULL,
	  { NULL },
	  0 },
	{ "ksnap_workers",
	  GAUGE,
	  NULL,
	  "Workers now, by target.",
	  "targets",
	  NULL,
	  "workers",
	  { "name" },
	  0 },
	{ "ksnap_queued_jobs",
	  GAUGE,
	  NULL,
	  "Jobs that wait for a worker, by target.",
	  "targets",
	  NULL,
	  "queued",
	  { "name" },
	  0 },
	{ "ksnap_worker_jobs",
	  COUNTER,
	  NULL,
	  "Jobs given, by worker.",
	  "workers",
	  NULL,
	  "jobs",
	  { "name", "target" },
	  0 },
};

static void put_family(struct buf *out, const char *name, const char *type, const char *unit,
		       const char *help)
{
	buf_printf(out, "# TYPE %s %s\n", name, type);
	if (unit)
		buf_printf(out, "# UNIT %s %s\n", name, unit);
	buf_printf(out, "# HELP %s %s\n", name, help);
}

static void put_text(struct buf *out, msgpack_object_str s)
{
	for (uint32_t i = 0; i < s.size; i++) {
		if (s.ptr[i] == '\n')
			buf_append(out, "\\n", 2);
		else if (s.ptr[i] == '"' || s.ptr[i] == '\\')
			buf_printf(out, "\\%c", s.ptr[i]);
		else
			buf_append(out, &s.ptr[i], 1);
	}
}

static void put_labels(struct buf *out, const struct metric *m, const msgpack_object *row)
{
	const char *before = "{";

	for (unsigned i = 0; i < LABELS_MAX && m->labels[i]; i++) {
		buf_printf(out, "%s%s=\"", before, m->labels[i]);
		put_text(out, field_str(row, m->labels[i]));
		buf_append(out, "\"", 1);
		before = ",";
	}
	if (*before == ',')
		buf_append(out, "}", 1);
}

static void put_number(struct buf *out, uint64_t v, uint64_t per_unit)
{
	unsigned digits = 0;

	for (uint64_t n = per_unit; n >= 10; n /= 10)
		digits++;
	if (digits)
		buf_printf(out, " %" PRIu64 ".%0*" PRIu64 "\n", v / per_unit, digits, v % per_unit);
	else
		buf_printf(out, " %" PRIu64 "\n", v);
}

static uint64_t value_of(const msgpack_object *row, const char *key)
{
	const msgpack_object *v = object_get(row, key);

	if (v && v->type == MSGPACK_OBJECT_BOOLEAN)
		return v->via.boolean;
	return field_uint(row, key, 0);
}

static void put_sample(struct buf *out, const struct metric *m, const msgpack_object *row)
{
	const msgpack_object *from = m->within ? object_get(row, m->within) : row;

	buf_printf(out, "%s%s", m->name, m->type == COUNTER ? "_total" : "");
	put_labels(out, m, row);
	put_number(out, from ? value_of(from, m->key) : 0, m->per_unit);
}

/* An older broker does not tell all there is: what it does not tell has no number. */
static bool is_told(const struct metric *m, const msgpack_object *status)
{
	const msgpack_object *from = m->within ? object_get(status, m->within) : status;

	return from && m->key && object_get(from, m->key);
}

static void put_metric(struct buf *out, const struct metric *m, const msgpack_object *status)
{
	const msgpack_object *list = m->list ? object_get(status, m->list) : NULL;
	uint32_t n = list && list->type == MSGPACK_OBJECT_ARRAY ? list->via.array.size : 0;

	put_family(out, m->name, m->type == COUNTER ? "counter" : "gauge", m->unit, m->help);
	if (!m->list && is_told(m, status))
		put_sample(out, m, status);
	else if (!m->key && list)
		buf_printf(out, "%s %" PRIu32 "\n", m->name, n);
	for (uint32_t i = 0; m->key && i < n; i++)
		put_sample(out, m, &list->via.array.ptr[i]);
}

static void put_info(struct buf *out, const msgpack_object *status)
{
	put_family(out, "ksnap_broker", "info", NULL, "Version of the broker, and its life.");
	buf_printf(out, "ksnap_broker_info{version=\"");
	put_text(out, field_str(status, "version"));
	buf_printf(out, "\",api=\"%" PRIu64 "\",epoch=\"%" PRIu64 "\"} 1\n",
		   field_uint(status, "api", 0), field_uint(status, "epoch", 0));
}

static void put_latency(struct buf *out, const msgpack_object *status)
{
	static const char name[] = "ksnap_answer_seconds";
	const msgpack_object *latency = object_get(status, "latency");
	const msgpack_object *rows = latency ? object_get(latency, "rows") : NULL;
	uint64_t n = latency ? field_uint(latency, "n", 0) : 0;

	if (!rows || rows->type != MSGPACK_OBJECT_ARRAY)
		return;
	put_family(out, name, "histogram", "seconds",
		   "From the receipt of a request to its answer.");
	for (uint32_t i = 0; i < rows->via.array.size; i++) {
		const msgpack_object *row = &rows->via.array.ptr[i];
		uint64_t us = field_uint(row, "le_us", 0);

		buf_printf(out, "%s_bucket{le=\"%" PRIu64 ".%06" PRIu64 "\"} %" PRIu64 "\n", name,
			   us / 1000000, us % 1000000, field_uint(row, "n", 0));
	}
	buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_count %" PRIu64 "\n%s_sum", name, n,
		   name, n, name);
	put_number(out, field_uint(latency, "sum_us", 0), 1000000);
}

void metrics_append(struct buf *out, const msgpack_object *status)
{
	put_info(out, status);
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++)
		put_metric(out, &metrics[i], status);
	put_latency(out, status);
	buf_printf(out, "# EOF\n");
}

int metrics_print(const struct ksnap_reply *reply, struct ksnap_err *err)
{
	_buf_ struct buf out = BUF_INIT;
	msgpack_unpacked u;
	int r = object_decode(&u, reply->r, reply->r_len, err);

	if (r < 0)
		return r;
	metrics_append(&out, &u.data);
	out_buf(&out);
	msgpack_unpacked_destroy(&u);
	return 0;
}
