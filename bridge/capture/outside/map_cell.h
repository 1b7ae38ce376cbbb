/* SPDX-License-Identifier: MIT */
/* map_cell.h - where the value of one key is. */
#ifndef KSNAP_CAPTURE_OUTSIDE_MAP_CELL_H
#define KSNAP_CAPTURE_OUTSIDE_MAP_CELL_H

#include "capture/outside/map_list.h"

bool map_cell_is_percpu(uint32_t type);
/* The address of the value of @key, of per-CPU maps that of the @cpu-th possible CPU. E_NOTFOUND:
 * no such key; E_UNSUPPORTED: not of such maps; E_TARGET: the map is broken. */
int map_cell_find(struct kernel *k, const struct seen_map *m, const uint8_t *key, unsigned cpu,
		  uint64_t *ret, struct ksnap_err *err);

#endif
