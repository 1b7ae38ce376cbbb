// SPDX-License-Identifier: MIT
/* op_ping.c - the broker lives; here are its clocks. */
#include "base/clock.h"
#include "broker/request.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	struct wire_ping_reply reply = { .ts = clock_real_ns(), .mono = clock_mono_ns() };

	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_ping = { .run = run };
