// SPDX-License-Identifier: MIT
/* status_rows.c - small facts in the shapes of replies. */
#include "broker/status_rows.h"

struct wire_list endpoint_list(const char *const *endpoints, struct wire_slice room[ROW_ENDPOINTS])
{
	size_t n = 0;

	while (endpoints[n] && n < ROW_ENDPOINTS) {
		room[n] = wire_slice_of(endpoints[n]);
		n++;
	}
	return (struct wire_list){ room, n };
}

struct wire_bridge_limits limits_row(const struct ksnap_limits *l)
{
	return (struct wire_bridge_limits){
		.snapshots = l->snapshots,
		.has_snapshots = true,
		.bytes = l->bytes,
		.has_bytes = true,
		.events = l->events,
		.has_events = true,
		.watches = l->watches,
		.has_watches = true,
	};
}
