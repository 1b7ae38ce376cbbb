/* SPDX-License-Identifier: MIT */
/* diff_rig.h - two reports, and what is told of them. Whatever is not as it should be fails the
 * test. */
#ifndef KSNAP_TESTS_REPORT_DIFF_RIG_H
#define KSNAP_TESTS_REPORT_DIFF_RIG_H

#include "report/diff.h"
#include "sample.h"

/* Zeroed at first, but for @stop_at: the change to stop at. */
struct told {
	struct diff_printer *printer;
	struct buf text, json, tree;
	unsigned n[4], stop_at, total;
};

/* Compare; the result is its return value. */
int compare(struct ksnap_blob *a, struct ksnap_blob *b, const char *path, struct told *t,
	    struct ksnap_err *err);
void told_fini(struct told *t);
/* The lines that are told of @a and @b, both consumed. */
void expect(struct ksnap_blob *a, struct ksnap_blob *b, const char *path, const char *want);
void expect_error(struct ksnap_blob *a, struct ksnap_blob *b, const char *path, int code,
		  const char *text);
/* Compare @whole, consumed, with what is left of it when bits of it change. */
void expect_no_harm(struct ksnap_blob *whole);

/* A report in the making, with some types. */
struct made {
	struct report_builder *rb;
	uint32_t u32, u64, s32, s64, character;
};

struct made begin(const struct report_info *info);
void put(struct made *m, struct report_map_row row, uint64_t count, const void *keys,
	 const void *vals, const struct report_map_result *res);
/* A hash of u32 to u32 named @name. */
void put_plain(struct made *m, uint32_t id, const char *name, uint32_t n, const uint32_t *keys,
	       const uint32_t *vals);
struct ksnap_blob *finish(struct made *m);

#endif
