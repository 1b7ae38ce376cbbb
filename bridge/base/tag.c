// SPDX-License-Identifier: MIT
/* tag.c - what may name a snapshot or a bridge. */
#include <stdio.h>

#include "base/error.h"
#include "base/utf8.h"
#include "ksnap.h"

_Static_assert(KSNAP_TAG_MAX == 64, "the public header and MAX_TAG differ");

static bool is_control(uint32_t rune)
{
	return rune < 0x20 || (rune >= 0x7f && rune < 0xa0);
}

int ksnap_tag_check(const char *tag, size_t len, struct ksnap_err *err)
{
	size_t used;

	if (!len)
		return err_set(err, KSNAP_E_ARG, "is empty, 1 to %d bytes wanted", KSNAP_TAG_MAX);
	if (len > KSNAP_TAG_MAX)
		return err_set(err, KSNAP_E_ARG, "%zu bytes, at most %d allowed (limit MAX_TAG)",
			       len, KSNAP_TAG_MAX);
	for (size_t at = utf8_plain(tag, len); at < len; at += used) {
		uint32_t rune = (uint8_t)tag[at];

		used = 1;
		if (rune >= 0x20 && rune < 0x7f)
			continue;
		used = utf8_next(tag + at, len - at, &rune);
		if (!used)
			return err_set(err, KSNAP_E_ARG, "is not UTF-8 at byte %zu", at);
		if (is_control(rune))
			return err_set(err, KSNAP_E_ARG,
				       "has the control character U+%04X at byte %zu",
				       (unsigned)rune, at);
	}
	return 0;
}
