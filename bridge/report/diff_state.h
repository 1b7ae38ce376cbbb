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
	const struct ksnap_map *ma, *mb; /* at hand */
	const struct ksnap_value *key;   /* of the entry at hand, or NULL */
	bool alike;                      /* are the types of both values the same? */
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

/* Surely the same, without a look at the parts. */
bool diff_is_same(const struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b);
/* Two values at the path at hand. */
void diff_value(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b,
		unsigned depth);
/* Do both types have the same parts at the same places under the same names? False when there is
 * too much to look at. */
bool types_alike(const struct type_table *ta, uint32_t a, const struct type_table *tb, uint32_t b);

/* ---- which map of one is which of the other ---------------------------------------------------
 */

struct map_pair {
	const struct ksnap_map *a, *b; /* one may be NULL */
	bool is_ambiguous;             /* another map has the name, too */
};

struct map_pairs {
	struct map_pair *pair;
	size_t n;
};

/* 0 or E_NOMEM; to be freed either way. */
int map_pairs_make(struct map_pairs *ret, const struct ksnap_snapshot *a,
		   const struct ksnap_snapshot *b, bool same_boot);
void map_pairs_fini(struct map_pairs *p);

#endif
