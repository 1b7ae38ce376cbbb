// SPDX-License-Identifier: MIT
/* made_report.c - begin, finish, decode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "made_report.h"

#include "report/builder.h"

void made_report_begin(struct made_report *r)
{
	const struct report_info info = { .tag = "t",
					  .target_kind = "core",
					  .target_name = "c",
					  .host = "h",
					  .kernel = "k",
					  .boot_id = "",
					  .trigger = "op",
					  .consistency = "stopped" };

	r->rb = report_builder_create(NULL);
	assert_non_null(r->rb);
	assert_int_equal(report_begin(r->rb, &info, NULL), 0);
}

const msgpack_object *made_report_read(struct made_report *r)
{
	struct report_summary sum;

	r->blob = report_finish(r->rb, &sum, NULL, NULL);
	assert_non_null(r->blob);
	msgpack_unpacked_init(&r->u);
	assert_int_equal(msgpack_unpack_next(&r->u, ksnap_blob_data(r->blob),
					     ksnap_blob_size(r->blob), NULL),
			 MSGPACK_UNPACK_SUCCESS);
	return &r->u.data;
}

void made_report_end(struct made_report *r)
{
	msgpack_unpacked_destroy(&r->u);
	ksnap_blob_unref(r->blob);
	report_builder_destroy(r->rb);
}
