/* SPDX-License-Identifier: MIT */
/* hits.h - what follows a hit: a message at once, then a capture of each target of the watch.
 *
 * One capture a target (lane) is under way at a time. Hits that come meanwhile wait as one: when it
 * ends the newest of them is captured, and its report counts the others. */
#ifndef KSNAP_BROKER_HITS_H
#define KSNAP_BROKER_HITS_H

#include "broker/watch.h"

/* The name as a tag with @suffix behind it: longer than KSNAP_TAG_MAX it is cut, and its hash takes
 * the place of what is missing. E_ARG: it has characters that no tag may have. */
int hits_tag(char ret[KSNAP_TAG_MAX + 1], const char *name, size_t len, const char *suffix,
	     struct ksnap_err *err);
/* Publish it, remember it as the newest, capture. @w may be gone afterwards. E_NOMEM: nothing was
 * done. */
int hits_take(struct watch *w, const struct wire_work_fired *m);

#endif
