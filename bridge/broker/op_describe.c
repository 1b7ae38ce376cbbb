// SPDX-License-Identifier: MIT
/* op_describe.c - the whole API as data, as it was made from schemas/ at build time. */
#include "broker/request.h"

static const uint8_t description[] = {
#include "schemas/describe.inc"
};

static int run(struct request *rq, struct ksnap_err *err)
{
	request_answer_raw(
		rq, (struct wire_slice){ (const char *)description, sizeof(description) }, NULL, 0);
	return 0;
}

const struct op op_describe = { .run = run };
