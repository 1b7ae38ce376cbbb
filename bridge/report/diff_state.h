/* SPDX-License-Identifier: MIT */
/* diff_state.h - a comparison under way, for the diff files of this folder only. */
#ifndef KSNAP_REPORT_DIFF_STATE_H
#define KSNAP_REPORT_DIFF_STATE_H

#include "report/form.h"
#include "report/snapshot.h"
#include "report/walk.h"

struct diff {
	const struct ksnap_snapshot *a, *b;
	ksnap_change_fn fn;
	void *arg;
	bool same_boot, same_order;
	struct forms fa, fb;
	struct behind *behind;           /* NULL: no pointers were followed */
	const struct ksnap_map *ma, *mb; /* at hand */
	const struct ksnap_value *key;   /* of the entry at hand, or NULL */
	const char *name;                /* of what is at hand, when it is no map */
	uint64_t id;
	bool alike; /* are the types of both values the same? */
	struct buf path;
	struct buf text_a, text_b; /* values that only words can compare */
	uint64_t left;             /* values that may still be compared, as in walk.h */
	bool has_told, has_cut;
	int rc; /* anything but 0 ends it */
};

/* What is told carries path, maps and key of @d. */
void diff_tell(struct diff *d, const struct ksnap_change *c);
void diff_tell_one(struct diff *d, enum ksnap_change_what what, const struct ksnap_value *a,
		   const struct ksnap_value *b);
void diff_note(struct diff *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Append to the path; returns the length to go back to. */
size_t diff_push(struct diff *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "[1234]", "[idle]", "[hex:00ff]": as a path names the entry. */
size_t diff_push_key(struct diff *d, const struct ksnap_value *key);

/* Take @n from the budget; false ends the comparison. */
bool diff_spend(struct diff *d, uint64_t n);
/* Surely the same, without a look at the parts. */
bool diff_is_same(const struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b);
/* Two values at the path at hand. */
void diff_value(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b,
		unsigned depth);
/* Do both types have the same parts at the same places under the same names? False when there is
 * too much to look at. */
bool types_alike(const struct type_table *ta, uint32_t a, const struct type_table *tb, uint32_t b);

/* ---- what pointers point to (diff_behind.c) ------------------------------------------------- */

/* 0, or -1 when memory is out; to be ended either way. */
int diff_behind_init(struct diff *d);
void diff_behind_fini(struct diff *d);
/* May a value of this type of the first snapshot be the same, and what it points to not? */
bool diff_leads_on(const struct diff *d, uint32_t type);
/* Two pointers at the path at hand: remember what they point to, when it is to be compared. */
void diff_follow(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b);
/* Compare what was remembered. The path at hand is one that all those paths begin with. */
void diff_behind(struct diff *d);

/* ---- what is beside the maps (diff_rows.c) -------------------------------------------------- */

/* Programs, links and what else the report lists by name. @only: as in ksnap_snapshot_diff(), or
 * NULL. 0, E_NOTFOUND, E_NOMEM. */
int diff_rows(struct diff *d, const char *only, struct ksnap_err *err);
/* Does @path name something of that kind? */
bool diff_names_rows(const struct diff *d, const char *path);
/* Where writer and reader of a ring buffer are, of the maps at hand. */
void diff_ring(struct diff *d);

#endif
