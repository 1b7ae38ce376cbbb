// SPDX-License-Identifier: MIT
/* tally.c - count what happened, by op, by error, by kind of loss. */
#include "broker/tally.h"

#include <string.h>

#include "base/cleanup.h"

static const int error_codes[] = {
#define ERROR(name, number, class, retry, doc) KSNAP_##name,
#include "schemas/errors.inc"
#undef ERROR
};

_Static_assert(ARRAY_SIZE(error_codes) <= ARRAY_SIZE(((struct tally *)0)->errors),
	       "a counter for each error");

static const char *const drop_names[TALLY_DROPS] = {
	[DROP_REPLY_GONE] = "reply_gone",
	[DROP_REPLY_FULL] = "reply_full",
	[DROP_REPLY_UNREAD] = "reply_unread",
	[DROP_REPLY_MEMORY] = "reply_memory",
	[DROP_REQUEST_MEMORY] = "request_memory",
	[DROP_LATE_RESULT] = "late_result",
	[DROP_WORK_FRAME] = "work_frame",
	[DROP_LIVE_MEMORY] = "live_memory",
	[DROP_LIVE_REPORT] = "live_report",
	[DROP_LIVE_SEND] = "live_send",
	[DROP_LATE_HIT] = "late_hit",
	[DROP_SESSION_FORGOTTEN] = "session_forgotten",
	[DROP_ANSWERS_FORGOTTEN] = "answers_forgotten",
	[DROP_CONNECTION_UNHEARD] = "connection_unheard",
	[DROP_ROUTING_ID] = "routing_id",
};

void tally_error(struct tally *t, int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(error_codes); i++)
		if (error_codes[i] == code)
			t->errors[i]++;
}

const char *tally_error_row(const struct tally *t, unsigned i, uint64_t *ret_n)
{
	if (i >= ARRAY_SIZE(error_codes))
		return NULL;
	*ret_n = t->errors[i];
	return ksnap_err_name(error_codes[i]);
}

const char *tally_drop_name(enum tally_drop d)
{
	return drop_names[d];
}

static const uint64_t latency_bounds[TALLY_LATENCIES] = {
	50, 100, 250, 500, 1000, 2500, 5000, 10000, 50000, 250000, 1000000, 10000000,
};

void tally_latency(struct tally *t, uint64_t us)
{
	unsigned i = 0;

	while (i < TALLY_LATENCIES && us > latency_bounds[i])
		i++;
	t->latencies[i]++;
	t->latency_us += us;
}

uint64_t tally_latency_bound(unsigned i)
{
	return latency_bounds[i];
}
