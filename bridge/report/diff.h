/* SPDX-License-Identifier: MIT */
/* diff.h - what ksnap_snapshot_diff() tells, as text, JSON or msgpack.
 *
 * A line of text for people is "tasks[1234].switches  10 → 12  (+2)", "+ tasks[77]  {...}",
 * "- map tasks (hash, 3 entries)", "! tasks: why it is not exact", "prog:on_switch.run_cnt  7 → 9
 * (+2)". As data a change is a map with the keys change, what, path, map, name, id, key, old, new,
 * delta, type, entries, text, in this order, of which those are there that mean something. */
#ifndef KSNAP_REPORT_DIFF_H
#define KSNAP_REPORT_DIFF_H

#include "base/buf.h"
#include "ksnap.h"
#include "report/render.h"

#define DIFF_TEXT_WIDTH 160 /* bytes of one value in text; more is cut */

struct diff_printer;

/* Keeps what rendering values of two snapshots needs. NULL when memory is out. */
struct diff_printer *diff_printer_create(const struct ksnap_snapshot *a,
					 const struct ksnap_snapshot *b,
					 const struct render_opts *opts);
void diff_printer_destroy(struct diff_printer *p);
/* Append one change, text with a newline, JSON without. 0, or -1 when memory is out. */
int diff_print_text(struct diff_printer *p, const struct ksnap_change *c, struct buf *out);
int diff_print_json(struct diff_printer *p, const struct ksnap_change *c, struct buf *out);
int diff_print_tree(struct diff_printer *p, const struct ksnap_change *c, struct buf *out);

#endif
