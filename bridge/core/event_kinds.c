// SPDX-License-Identifier: MIT
/* event_kinds.c - table of event kinds, made of the rows of schemas/events.inc. */
#include "core/event_kinds.h"

#include <string.h>

#include "base/cleanup.h"

// clang-format off
#define EVENT(ename, NAME, number, count, text) \
	_Static_assert(KSNAP_EV_##NAME == (number), #ename ": header and schema differ"); \
	_Static_assert((count) <= KSNAP_EVENT_FIELDS, #ename ": too many fields");
#define EVENT_FIELD(ename, index, field, TYPE, required)
#include "schemas/events.inc"
#undef EVENT
#undef EVENT_FIELD

enum kind_row {
#define EVENT(ename, NAME, number, count, text) ROW_##ename,
#define EVENT_FIELD(ename, index, field, TYPE, required)
#include "schemas/events.inc"
#undef EVENT
#undef EVENT_FIELD
	ROW_COUNT
};

static const struct event_kind_info kinds[ROW_COUNT] = {
#define EVENT(ename, NAME, number, count, text) \
	[ROW_##ename].kind = KSNAP_EV_##NAME, \
	[ROW_##ename].name = #ename, \
	[ROW_##ename].summary = text, \
	[ROW_##ename].nfields = count,
#define EVENT_FIELD(ename, index, field, TYPE, required) [ROW_##ename].fields[index] = #field,
#include "schemas/events.inc"
#undef EVENT
#undef EVENT_FIELD
};
// clang-format on

const struct event_kind_info *event_kind_find(enum ksnap_event_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].kind == kind)
			return &kinds[i];
	}
	return NULL;
}

const char *event_kind_field(const struct event_kind_info *info, const char *name)
{
	for (unsigned i = 0; i < info->nfields; i++) {
		if (strcmp(info->fields[i], name) == 0)
			return info->fields[i];
	}
	return NULL;
}

const char *ksnap_event_name(enum ksnap_event_kind kind)
{
	const struct event_kind_info *info = event_kind_find(kind);

	return info ? info->name : NULL;
}
