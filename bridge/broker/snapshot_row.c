// SPDX-License-Identifier: MIT
/* snapshot_row.c - words of the stored metadata. */
#include "broker/snapshot_row.h"

#include <string.h>

#include "base/cleanup.h"

static const char *const words[] = {
	[KSNAP_STATS_NO_CLIENT] = "no_client",     [KSNAP_STATS_DURING_FREEZE] = "during_freeze",
	[KSNAP_STATS_CANCELLED] = "cancelled",     [KSNAP_STATS_SCHED_ERROR] = "sched_error",
	[KSNAP_STATS_NO_RESPONSE] = "no_response", [KSNAP_STATS_TOO_LARGE] = "too_large",
};

const char *stats_reason_word(enum ksnap_stats_reason reason)
{
	return reason > KSNAP_STATS_PRESENT && reason < ARRAY_SIZE(words) ? words[reason]
									  : "no_client";
}

enum ksnap_stats_reason stats_reason_of(struct wire_slice word)
{
	for (size_t i = 1; i < ARRAY_SIZE(words); i++)
		if (wire_slice_is(word, words[i]))
			return (enum ksnap_stats_reason)i;
	return KSNAP_STATS_NO_CLIENT;
}

void tag_copy(char to[KSNAP_TAG_MAX + 1], struct wire_slice tag)
{
	size_t n = tag.len <= KSNAP_TAG_MAX ? tag.len : KSNAP_TAG_MAX;

	memcpy(to, tag.p, n);
	to[n] = 0;
}
