/* SPDX-License-Identifier: MIT */
/* made_report.h - a report of a made-up kernel, as it is read back. Fails the test that calls it on
 * every error. */
#ifndef KSNAP_TESTS_MADE_REPORT_H
#define KSNAP_TESTS_MADE_REPORT_H

#include "report/reader.h"

struct made_report {
	struct report_builder *rb; /* for what is to be reported */
	struct ksnap_blob *blob;
	msgpack_unpacked u;
};

void made_report_begin(struct made_report *r);
/* Finish it. Its map is the report's until made_report_end. */
const msgpack_object *made_report_read(struct made_report *r);
void made_report_end(struct made_report *r);

#endif
