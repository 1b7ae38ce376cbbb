// SPDX-License-Identifier: MIT
/* near.c - name what is there when something else was asked for. */
#include "base/near.h"

#include <stdio.h>
#include <string.h>

static size_t shared_ends(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t least = la < lb ? la : lb, front = 0, back = 0;

	while (front < least && a[front] == b[front])
		front++;
	while (back < least - front && a[la - 1 - back] == b[lb - 1 - back])
		back++;
	return front + back;
}

void near_add(struct near *near, const char *name)
{
	size_t score = shared_ends(near->want, name);
	size_t at = NEAR_NAMES;

	near->seen++;
	while (at && (!near->best[at - 1].name || near->best[at - 1].score < score))
		at--;
	if (at == NEAR_NAMES)
		return;
	memmove(&near->best[at + 1], &near->best[at],
		(NEAR_NAMES - 1 - at) * sizeof(near->best[0]));
	near->best[at].name = name;
	near->best[at].score = score;
}

void near_text(const struct near *near, char *buf, size_t cap)
{
	size_t shown = 0, len = 0;

	snprintf(buf, cap, "nothing");
	for (; shown < NEAR_NAMES && near->best[shown].name && len < cap; shown++)
		len += snprintf(buf + len, cap - len, "%s\"%.64s\"", shown ? ", " : "",
				near->best[shown].name);
	if (near->seen > shown && len < cap)
		snprintf(buf + len, cap - len, " and %zu more", near->seen - shown);
}
