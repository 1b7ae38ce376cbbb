/* SPDX-License-Identifier: MIT */
/* status_rows.h - small facts in the shapes of replies. */
#ifndef KSNAP_BROKER_STATUS_ROWS_H
#define KSNAP_BROKER_STATUS_ROWS_H

#include "ksnap.h"
#include "wire/shapes.h"

#define ROW_ENDPOINTS 16 /* endpoints told, of each socket */

/* Slices of a NULL-terminated list, in @room. */
struct wire_list endpoint_list(const char *const *endpoints, struct wire_slice room[ROW_ENDPOINTS]);
struct wire_bridge_limits limits_row(const struct ksnap_limits *l);

#endif
