/* SPDX-License-Identifier: MIT */
/* render.h - packed values to words. One walk, three sinks.
 *
 * Total: hostile type tables and short data give "<...>" in place, never an error or a crash.
 * Limits say so where they are hit: 32 levels of one value (20 in a tree, which has to fit into a
 * frame), 4096 elements of one array, and for all of it 65536 values and 16 more a byte of data,
 * which only types that lie about themselves can reach. */
#ifndef KSNAP_REPORT_RENDER_H
#define KSNAP_REPORT_RENDER_H

#include "base/buf.h"
#include "ksnap.h"

struct render_opts {
	bool raw; /* close to bpftool: enums as numbers, no number quoted, CPU masks as structs */
	unsigned indent; /* JSON: spaces a level; 0: compact, one line */
};

/* A value as JSON, as text ("{a = 1, b = RUNNING (2)}"), as msgpack; appended to @out. A value
 * that is not yet narrowed to a CPU gives a list. Fail only when memory is out. */
int render_value_json(const struct ksnap_value *v, const struct render_opts *o, struct buf *out);
int render_value_text(const struct ksnap_value *v, const struct render_opts *o, struct buf *out);
int render_value_tree(const struct ksnap_value *v, const struct render_opts *o, struct buf *out);

/* A pointer whose target is in the report (chase) gives {addr, deref}, or {addr, error}; the second
 * time in one value, and with raw, its address alone.
 *
 * A whole report, as described under "Rendering rules" in the design of captures: the report's
 * own keys, with each map as {id, name, type, count, complete, ..., entries: [...]}. */
int render_report_json(const struct ksnap_snapshot *s, const struct render_opts *o,
		       struct buf *out);
int render_report_tree(const struct ksnap_snapshot *s, const struct render_opts *o,
		       struct buf *out);
/* The same JSON, handed on in pieces: @put takes @len bytes, which are its own until it returns,
 * each time that RENDER_PIECE of them or more are there, and in the end. No more memory is needed
 * than for a piece and the longest entry. Fails only when memory is out; then something was handed
 * on. */
#define RENDER_PIECE (128u << 10)
typedef void (*render_put_fn)(void *arg, const void *data, size_t len);
int render_report_json_to(const struct ksnap_snapshot *s, const struct render_opts *o,
			  render_put_fn put, void *arg);
/* For people: a summary, then each map as aligned columns, at most @max_rows entries each (0: all),
 * saying how many are not shown. */
int render_report_table(const struct ksnap_snapshot *s, const struct render_opts *o,
			unsigned max_rows, struct buf *out);

#endif
