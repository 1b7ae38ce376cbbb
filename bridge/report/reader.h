/* SPDX-License-Identifier: MIT */
/* reader.h - what the renderer may see of an opened report beyond ksnap.h. */
#ifndef KSNAP_REPORT_READER_H
#define KSNAP_REPORT_READER_H

#include <msgpack.h>

#include "ksnap.h"
#include "report/types.h"

/* The decoded report: its top-level map, pointing into the blob. */
const msgpack_object *snapshot_root(const struct ksnap_snapshot *s);
const struct type_table *snapshot_types(const struct ksnap_snapshot *s);
/* The map's own decoded row. */
const msgpack_object *map_row(const struct ksnap_map *m);
/* Whether the map is a global section (.bss, .data, .rodata, .kconfig). */
bool map_is_section(const struct ksnap_map *m);
/* The value under @key of a decoded map, or NULL. */
const msgpack_object *object_get(const msgpack_object *map, const char *key);

#endif
