/* SPDX-License-Identifier: MIT */
/* map_name.h - the names that the kernel and libbpf make of the ones in the source. */
#ifndef KSNAP_REPORT_MAP_NAME_H
#define KSNAP_REPORT_MAP_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define MAP_NAME_KEPT 15 /* bytes of a map's name that the kernel keeps */

/* Is @name, of @len bytes, the name of the map that the kernel calls @map: that one, or a longer
 * one that became it? Section ".bss" of object sched_probe is "sched_probe.bss" and "sched_pr.bss".
 */
bool map_is_called(const char *map, const char *name, size_t len);

#endif
