/* SPDX-License-Identifier: MIT */
/* render.h - packed values to words. One walk, three sinks.
 *
 * Total: hostile type tables and short data give "<...>" in place, never an error or a crash.
 * Limits (depth 32, 4096 array elements shown, 65536 rows of one value) say so where they are hit.
 */
#ifndef KSNAP_REPORT_RENDER_H
#define KSNAP_REPORT_RENDER_H

#include "base/buf.h"
#include "ksnap.h"

struct render_opts {
	bool raw; /* plain numbers, however large, enums too; text only where bpftool has it */
	unsigned indent; /* JSON: spaces a level; 0: compact, one line */
};

/* A value as JSON, as text ("{a = 1, b = RUNNING (2)}"), as msgpack; appended to @out. A value
 * that is not yet narrowed to a CPU gives a list. Fail only when memory is out. */
int render_value_json(const struct ksnap_value *v, const struct render_opts *o, struct buf *out);
int render_value_text(const struct ksnap_value *v, const struct render_opts *o, struct buf *out);
int render_value_tree(const struct ksnap_value *v, const struct render_opts *o, struct buf *out);

/* A whole report, as described under "Rendering rules" in the design of captures: the report's
 * own keys, with each map as {id, name, type, count, complete, ..., entries: [...]}. */
int render_report_json(const struct ksnap_snapshot *s, const struct render_opts *o,
		       struct buf *out);
int render_report_tree(const struct ksnap_snapshot *s, const struct render_opts *o,
		       struct buf *out);
/* For people: a summary, then each map as aligned columns, at most @max_rows entries each (0: all),
 * saying how many are not shown. */
int render_report_table(const struct ksnap_snapshot *s, const struct render_opts *o,
			unsigned max_rows, struct buf *out);

#endif
