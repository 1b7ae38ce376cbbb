/* SPDX-License-Identifier: MIT */
/* event_kinds.h - the kinds of events and their fields, as schemas/event/ states them. */
#ifndef KSNAP_CORE_EVENT_KINDS_H
#define KSNAP_CORE_EVENT_KINDS_H

#include "ksnap.h"

struct event_kind_info {
	enum ksnap_event_kind kind;
	const char *name;    /* "eviction" */
	const char *summary; /* one sentence */
	unsigned nfields;
	const char *fields[KSNAP_EVENT_FIELDS]; /* in the order of the schema */
};

/* NULL for a number that is no kind. */
const struct event_kind_info *event_kind_find(enum ksnap_event_kind kind);
/* The schema's own string for the field @name of @info; NULL when it has no such field. */
const char *event_kind_field(const struct event_kind_info *info, const char *name);

#endif
