/* SPDX-License-Identifier: MIT */
/* walk.h - the one walk over packed values, into a sink.
 *
 * Total: whatever the types and bytes are, every value gives exactly one value. Work is bounded by
 * a budget of values shown, WALK_BASE and WALK_PER_BYTE for each byte of data, which honest types
 * never reach. What pointers point to has a budget of its own, and is shown once in a value: where
 * the value comes back to it, or the budget is spent, the address stands alone. */
#ifndef KSNAP_REPORT_WALK_H
#define KSNAP_REPORT_WALK_H

#include "report/form.h"
#include "report/sink.h"
#include "report/snapshot.h"

#define WALK_ELEMENTS 4096 /* of one array that are shown */
#define WALK_BASE     65536
#define WALK_PER_BYTE 16
#define WALK_DEREF    (1u << 22) /* values behind pointers */

struct walk {
	const struct ksnap_snapshot *snap;
	struct sink *sink;
	struct forms forms;
	bool little_endian;
	uint64_t left;       /* budget */
	struct buf scratch;  /* lists of CPUs */
	bool is_flat;        /* pointers are not followed */
	uint64_t deref_left; /* budget of what is behind pointers */
	uint32_t turn;       /* counts values, whose pointers are followed anew */
	uint32_t *shown;     /* one a chased object: the turn it was last shown in */
};

/* 0, or -1 when memory is out. @bytes: of the data that will be shown. */
int walk_init(struct walk *w, const struct ksnap_snapshot *s, struct sink *k, uint64_t bytes);
/* 0, or -1 when memory ran out since init. */
int walk_fini(struct walk *w);
/* One value; a per-CPU one that is not narrowed gives a list. */
void walk_value(struct walk *w, const struct ksnap_value *v);
/* Any msgpack object, as it is. */
void walk_object(struct walk *w, const msgpack_object *o);
/* A key without a prepared label. */
void walk_key(struct walk *w, const char *name);
/* "<...>" in place of a value. */
void walk_note(struct walk *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
