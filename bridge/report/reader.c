// SPDX-License-Identifier: MIT
/* reader.c - open a report: check every number that is used later, then index the maps.
 *
 * Values stay where they are, in the blob; nothing below this file trusts a size it did not check.
 */
#include "report/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/builder.h"
#include "report/snapshot.h"
#include "wire/scan.h"

const msgpack_object *object_get(const msgpack_object *map, const char *key)
{
	size_t len = strlen(key);

	if (!map || map->type != MSGPACK_OBJECT_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];

		if (kv->key.type == MSGPACK_OBJECT_STR && kv->key.via.str.size == len &&
		    !memcmp(kv->key.via.str.ptr, key, len))
			return &kv->val;
	}
	return NULL;
}

const msgpack_object *snapshot_root(const struct ksnap_snapshot *s)
{
	return &s->root;
}

const struct type_table *snapshot_types(const struct ksnap_snapshot *s)
{
	return s->types;
}

const msgpack_object *map_row(const struct ksnap_map *m)
{
	return m->row;
}

bool map_is_section(const struct ksnap_map *m)
{
	return m->is_section;
}

const char *snapshot_str(struct ksnap_snapshot *s, const msgpack_object *o)
{
	return arena_strn(&s->arena, o->via.str.ptr, strnlen(o->via.str.ptr, o->via.str.size));
}

/* ---- one key with a type ------------------------------------------------------------------- */

static int refuse_key(const char *where, const char *key, const char *what, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_PROTO, "%s: %s is not %s", where, key, what);
}

static int need(const msgpack_object *map, const char *where, const char *key,
		msgpack_object_type type, const char *what, const msgpack_object **ret,
		struct ksnap_err *err)
{
	const msgpack_object *o = object_get(map, key);

	if (!o || o->type != type)
		return refuse_key(where, key, what, err);
	*ret = o;
	return 0;
}

static int need_bool(const msgpack_object *map, const char *where, const char *key, bool *ret,
		     struct ksnap_err *err)
{
	const msgpack_object *o = NULL;
	int rc = need(map, where, key, MSGPACK_OBJECT_BOOLEAN, "a bool", &o, err);

	if (!rc)
		*ret = o->via.boolean;
	return rc;
}

static int need_uint(const msgpack_object *map, const char *where, const char *key, uint64_t max,
		     uint64_t *ret, struct ksnap_err *err)
{
	const msgpack_object *o = NULL;
	int rc = need(map, where, key, MSGPACK_OBJECT_POSITIVE_INTEGER, "a uint", &o, err);

	if (!rc && o->via.u64 > max)
		rc = refuse_key(where, key, "in range", err);
	if (!rc)
		*ret = o->via.u64;
	return rc;
}

static int need_u32(const msgpack_object *map, const char *where, const char *key, uint32_t *ret,
		    struct ksnap_err *err)
{
	uint64_t v;
	int rc = need_uint(map, where, key, UINT32_MAX, &v, err);

	if (!rc)
		*ret = v;
	return rc;
}

static int need_str(struct ksnap_snapshot *s, const msgpack_object *map, const char *where,
		    const char *key, const char **ret, struct ksnap_err *err)
{
	const msgpack_object *o = NULL;
	int rc = need(map, where, key, MSGPACK_OBJECT_STR, "a str", &o, err);

	if (rc)
		return rc;
	*ret = snapshot_str(s, o);
	return *ret ? 0 : err_nomem(err);
}

/* ---- a map --------------------------------------------------------------------------------- */

static int read_type(const struct ksnap_snapshot *s, const msgpack_object *row, const char *where,
		     const char *key, uint32_t *ret, struct ksnap_err *err)
{
	const msgpack_object *o = object_get(row, key);

	*ret = TYPE_NONE;
	if (!o)
		return 0;
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 >= type_table_len(s->types))
		return refuse_key(where, key, "an index into types", err);
	*ret = o->via.u64;
	return 0;
}

static int read_percpu(const msgpack_object *row, const char *where, struct ksnap_map *m,
		       struct ksnap_err *err)
{
	int rc;

	if (!object_get(row, "ncpu"))
		return 0;
	rc = need_u32(row, where, "ncpu", &m->ncpu, err);
	if (!rc)
		rc = need_u32(row, where, "stride", &m->stride, err);
	if (!rc && !m->ncpu)
		rc = refuse_key(where, "ncpu", "above 0", err);
	if (!rc && (!m->stride || m->stride < m->value_size))
		rc = refuse_key(where, "stride", "value_size or more", err);
	return rc;
}

static int check_bin(const struct ksnap_map *m, const char *where, const char *key, uint64_t each,
		     uint64_t have, struct ksnap_err *err)
{
	uint64_t want;

	if (__builtin_mul_overflow(m->count, each, &want) || want != have)
		return err_set(err, KSNAP_E_PROTO,
			       "%s: %s has %llu bytes, %llu entries of %llu bytes need others",
			       where, key, (unsigned long long)have, (unsigned long long)m->count,
			       (unsigned long long)each);
	return 0;
}

static int read_bins(const msgpack_object *row, const char *where, struct ksnap_map *m,
		     struct ksnap_err *err)
{
	uint64_t each = m->ncpu ? (uint64_t)m->ncpu * m->stride : m->value_size;
	const msgpack_object *keys = NULL, *vals = NULL;
	int rc = need(row, where, "keys", MSGPACK_OBJECT_BIN, "a bin", &keys, err);

	if (!rc)
		rc = need(row, where, "vals", MSGPACK_OBJECT_BIN, "a bin", &vals, err);
	if (rc)
		return rc;
	m->has_keys = keys->via.bin.size > 0;
	if (m->count && !m->has_keys && !each)
		return refuse_key(where, "count", "0, and neither keys nor values have bytes", err);
	if (m->has_keys)
		rc = check_bin(m, where, "keys", m->key_size, keys->via.bin.size, err);
	if (!rc)
		rc = check_bin(m, where, "vals", each, vals->via.bin.size, err);
	m->keys = (const uint8_t *)keys->via.bin.ptr;
	m->vals = (const uint8_t *)vals->via.bin.ptr;
	return rc;
}

static bool is_section_name(const char *name)
{
	static const char *const suffix[] = { ".bss", ".data", ".rodata", ".kconfig" };
	const char *dot = strchr(name, '.');

	for (unsigned i = 0; dot && i < 4; i++)
		if (!strncmp(dot, suffix[i], strlen(suffix[i])))
			return true;
	return false;
}

static int read_map(struct ksnap_snapshot *s, const msgpack_object *row, size_t i,
		    struct ksnap_map *m, struct ksnap_err *err)
{
	char where[64];
	int rc;

	snprintf(where, sizeof(where), "maps[%zu]", i);
	*m = (struct ksnap_map){ .snap = s, .row = row };
	rc = need_u32(row, where, "id", &m->id, err);
	if (!rc)
		rc = need_str(s, row, where, "name", &m->name, err);
	if (!rc)
		rc = need_str(s, row, where, "type", &m->type, err);
	if (!rc)
		rc = need_u32(row, where, "key_size", &m->key_size, err);
	if (!rc)
		rc = need_u32(row, where, "value_size", &m->value_size, err);
	if (!rc)
		rc = need_uint(row, where, "count", UINT64_MAX, &m->count, err);
	if (!rc)
		rc = need_bool(row, where, "complete", &m->is_complete, err);
	if (!rc)
		rc = read_type(s, row, where, "kt", &m->kt, err);
	if (!rc)
		rc = read_type(s, row, where, "vt", &m->vt, err);
	if (!rc)
		rc = read_percpu(row, where, m, err);
	if (!rc)
		rc = read_bins(row, where, m, err);
	if (rc)
		return rc;
	m->is_section = type_at(s->types, type_resolve(s->types, m->vt))->kind == TYPE_DATASEC ||
			(!m->has_keys && is_section_name(m->name));
	return 0;
}

static int read_maps(struct ksnap_snapshot *s, struct ksnap_err *err)
{
	const msgpack_object *list = NULL;
	int rc = need(&s->root, "report", "maps", MSGPACK_OBJECT_ARRAY, "a list", &list, err);

	if (rc)
		return rc;
	s->maps = calloc(list->via.array.size + 1, sizeof(*s->maps));
	if (!s->maps)
		return err_nomem(err);
	for (uint32_t i = 0; !rc && i < list->via.array.size; i++)
		rc = read_map(s, &list->via.array.ptr[i], i, &s->maps[i], err);
	s->nmaps = list->via.array.size;
	return rc;
}

/* ---- the top ------------------------------------------------------------------------------- */

static int read_schema(const struct ksnap_snapshot *s, struct ksnap_err *err)
{
	const msgpack_object *o = NULL;
	int rc = need(&s->root, "report", "schema", MSGPACK_OBJECT_STR, "a str", &o, err);

	if (rc)
		return rc;
	if (o->via.str.size != strlen(REPORT_SCHEMA) ||
	    memcmp(o->via.str.ptr, REPORT_SCHEMA, o->via.str.size))
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "the report's schema is '%.*s', this reader knows " REPORT_SCHEMA,
			       (int)(o->via.str.size < 64 ? o->via.str.size : 64), o->via.str.ptr);
	return 0;
}

/* The text of the first reason. */
static int read_placeholder(struct ksnap_snapshot *s, struct ksnap_err *err)
{
	const msgpack_object *list = object_get(&s->root, "reasons"), *text = NULL;

	if (list && list->type == MSGPACK_OBJECT_ARRAY && list->via.array.size)
		text = object_get(&list->via.array.ptr[0], "text");
	s->placeholder = "no reason is given";
	if (text && text->type == MSGPACK_OBJECT_STR)
		s->placeholder = snapshot_str(s, text);
	return s->placeholder ? 0 : err_nomem(err);
}

static int read_target(struct ksnap_snapshot *s, struct ksnap_err *err)
{
	const msgpack_object *target = object_get(&s->root, "target");
	uint32_t cpus;
	int rc = need_bool(target, "target", "little_endian", &s->is_little_endian, err);

	if (!rc)
		rc = need_u32(target, "target", "cpus", &cpus, err);
	if (!rc)
		s->cpus = cpus;
	return rc;
}

static int read_top(struct ksnap_snapshot *s, struct ksnap_err *err)
{
	const msgpack_object *types = NULL;
	bool is_placeholder = false;
	int rc = read_schema(s, err);

	if (!rc)
		rc = need_bool(&s->root, "report", "placeholder", &is_placeholder, err);
	if (!rc)
		rc = need_bool(&s->root, "report", "complete", &s->is_complete, err);
	if (!rc)
		rc = need_str(s, &s->root, "report", "tag", &s->tag, err);
	if (!rc)
		rc = read_target(s, err);
	if (!rc)
		rc = need(&s->root, "report", "types", MSGPACK_OBJECT_ARRAY, "a list", &types, err);
	if (rc)
		return rc;
	s->types = type_table_decode(types, err);
	if (!s->types)
		return err ? err->code : KSNAP_E_PROTO;
	if (is_placeholder)
		return read_placeholder(s, err);
	rc = read_maps(s, err);
	if (!rc)
		rc = chased_read(s, err);
	return rc ? rc : active_read(s, err);
}

static int unpack(struct ksnap_snapshot *s, struct ksnap_err *err)
{
	const void *data = ksnap_blob_data(s->blob);
	size_t len = ksnap_blob_size(s->blob), at = 0;
	int rc = scan_whole(data, len, err);

	if (rc)
		return rc;
	switch (msgpack_unpack(data, len, &at, &s->zone, &s->root)) {
	case MSGPACK_UNPACK_SUCCESS:
		break;
	case MSGPACK_UNPACK_NOMEM_ERROR:
		return err_nomem(err);
	default:
		return err_set(err, KSNAP_E_PROTO, "the report is not sound msgpack");
	}
	if (s->root.type != MSGPACK_OBJECT_MAP)
		return err_set(err, KSNAP_E_PROTO, "the report is not a map");
	return 0;
}

struct ksnap_snapshot *ksnap_snapshot_open(struct ksnap_blob *report, struct ksnap_err *err)
{
	struct ksnap_snapshot *s = calloc(1, sizeof(*s));
	int rc;

	if (!s) {
		err_nomem(err);
		return NULL;
	}
	s->blob = ksnap_blob_ref(report);
	if (!msgpack_zone_init(&s->zone, MSGPACK_ZONE_CHUNK_SIZE)) {
		s->zone = (msgpack_zone){ 0 };
		rc = err_nomem(err);
	} else {
		rc = unpack(s, err);
	}
	if (!rc)
		rc = read_top(s, err);
	if (!rc)
		return s;
	ksnap_snapshot_close(s);
	return NULL;
}

void ksnap_snapshot_close(struct ksnap_snapshot *s)
{
	int saved = errno;

	if (!s)
		return;
	free(s->maps);
	free(s->chased);
	free(s->active);
	type_table_destroy(s->types);
	arena_fini(&s->arena);
	if (s->zone.chunk_list.head)
		msgpack_zone_destroy(&s->zone);
	ksnap_blob_unref(s->blob);
	free(s);
	errno = saved;
}

/* ---- what is asked of it ------------------------------------------------------------------- */

const char *ksnap_snapshot_tag(const struct ksnap_snapshot *s)
{
	return s->tag;
}

bool ksnap_snapshot_complete(const struct ksnap_snapshot *s)
{
	return s->is_complete;
}

const char *ksnap_snapshot_placeholder(const struct ksnap_snapshot *s)
{
	return s->placeholder;
}

size_t ksnap_snapshot_map_count(const struct ksnap_snapshot *s)
{
	return s->nmaps;
}

const struct ksnap_map *ksnap_snapshot_map_at(const struct ksnap_snapshot *s, size_t i)
{
	return i < s->nmaps ? &s->maps[i] : NULL;
}

int snapshot_check_data(const struct ksnap_snapshot *s, struct ksnap_err *err)
{
	if (!s->placeholder)
		return 0;
	return err_set(err, KSNAP_E_STATE, "snapshot '%s' is a placeholder without data: %s",
		       s->tag, s->placeholder);
}

const char *ksnap_map_name(const struct ksnap_map *m)
{
	return m->name;
}

uint32_t ksnap_map_id(const struct ksnap_map *m)
{
	return m->id;
}

size_t ksnap_map_count(const struct ksnap_map *m)
{
	return m->count;
}

bool ksnap_map_complete(const struct ksnap_map *m)
{
	return m->is_complete;
}

unsigned ksnap_map_ncpu(const struct ksnap_map *m)
{
	return m->ncpu;
}
