// SPDX-License-Identifier: MIT
/* place.c - find a value in a report by what a user types. */
#include "cli/place.h"

int place_find(const struct ksnap_snapshot *s, const char *path, struct ksnap_value *ret,
	       struct ksnap_err *err)
{
	return ksnap_snapshot_get(s, path, ret, err);
}
