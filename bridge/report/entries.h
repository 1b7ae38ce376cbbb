/* SPDX-License-Identifier: MIT */
/* entries.h - find an entry of a map, for the files of this folder only. */
#ifndef KSNAP_REPORT_ENTRIES_H
#define KSNAP_REPORT_ENTRIES_H

#include "ksnap.h"
#include "report/path.h"

/* The entry that the step "[KEY]" or "[#PLACE]" names. E_NOTFOUND shows keys that are there. */
int entry_find(const struct ksnap_map *m, const struct path_step *step, size_t *ret,
	       struct ksnap_err *err);

#endif
