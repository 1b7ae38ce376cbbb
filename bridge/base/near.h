/* SPDX-License-Identifier: MIT */
/* near.h - of many names the three nearest to a wanted one, for the text of a miss. */
#ifndef KSNAP_BASE_NEAR_H
#define KSNAP_BASE_NEAR_H

#include <stddef.h>

#define NEAR_NAMES 3
#define NEAR_TEXT  320 /* enough for three tags and the rest of the words */

struct near {
	const char *want;
	size_t seen; /* names there are; near_add() counts, a caller that skips some sets it */
	struct {
		const char *name; /* borrowed */
		size_t score;     /* bytes shared at both ends; higher is nearer */
	} best[NEAR_NAMES];
};

/* Of equally near names the one added first wins. */
void near_add(struct near *near, const char *name);
/* `"a", "b", "c" and 61 more`, or `nothing`. */
void near_text(const struct near *near, char *buf, size_t cap);

#endif
