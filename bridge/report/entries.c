// SPDX-License-Identifier: MIT
/* entries.c - the entries of a map: by place, by key. */
#include "report/entries.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/listing.h"
#include "report/render.h"
#include "report/snapshot.h"
#include "report/value.h"

#define SAMPLE_KEYS  3  /* shown when none is the one that was asked for */
#define SAMPLE_BYTES 80 /* of each */

static const msgpack_object *map_error(const struct ksnap_map *m)
{
	const msgpack_object *why = object_get(m->row, "error");

	return why && why->type == MSGPACK_OBJECT_STR ? why : NULL;
}

static int refuse_entry(const struct ksnap_map *m, size_t i, struct ksnap_err *err)
{
	const msgpack_object *why = map_error(m);

	if (why && !m->count)
		return err_set(err, KSNAP_E_NOTFOUND, "map '%s' could not be read: %.*s", m->name,
			       (int)(why->via.str.size < 256 ? why->via.str.size : 256),
			       why->via.str.ptr);
	return err_set(err, KSNAP_E_NOTFOUND, "map '%s' has %llu entries, there is no index %zu",
		       m->name, (unsigned long long)m->count, i);
}

int ksnap_map_key(const struct ksnap_map *m, size_t i, struct ksnap_value *ret,
		  struct ksnap_err *err)
{
	if (i >= m->count)
		return refuse_entry(m, i, err);
	if (!m->has_keys)
		return err_set(err, KSNAP_E_ARG, "map '%s' (%s) has no keys", m->name, m->type);
	*ret = (struct ksnap_value){
		.snap = m->snap,
		.data = m->keys + i * m->key_size,
		.size = m->key_size,
		.type = m->kt,
	};
	return 0;
}

int ksnap_map_value(const struct ksnap_map *m, size_t i, struct ksnap_value *ret,
		    struct ksnap_err *err)
{
	uint64_t each = m->ncpu ? (uint64_t)m->ncpu * m->stride : m->value_size;
	if (i >= m->count)
		return refuse_entry(m, i, err);
	*ret = (struct ksnap_value){
		.snap = m->snap,
		.data = m->vals + i * each,
		.size = m->value_size,
		.type = m->vt,
		.ncpu = m->ncpu,
		.stride = m->stride,
	};
	return 0;
}

/* ---- keys ---------------------------------------------------------------------------------- */

static bool is_hex_of(const struct ksnap_value *key, const char *hex, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	if (len != 2 * key->size)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned nibble = key->data[i / 2] >> (i % 2 ? 0 : 4) & 15;

		if (tolower((unsigned char)hex[i]) != digits[nibble])
			return false;
	}
	return true;
}

static bool is_number_of(const struct ksnap_value *key, const struct path_step *step)
{
	bool is_negative = !step->has_number && step->len > 1 && step->name[0] == '-';
	struct number n;
	char *end;

	if ((!step->has_number && !is_negative) || value_number(key, &n, NULL))
		return false;
	if (!is_negative)
		return !n.is_negative && n.value == step->number;
	return n.is_negative && (i128)n.value == strtoll(step->name, &end, 10) &&
	       end == step->name + step->len;
}

static bool is_text_of(const struct ksnap_value *key, const struct path_step *step)
{
	char text[256];
	int len = ksnap_value_str(key, text, sizeof(text), NULL);

	return len >= 0 && (size_t)len == step->len && step->len < sizeof(text) &&
	       !memcmp(text, step->name, step->len);
}

static bool is_key(const struct ksnap_value *key, const struct path_step *step)
{
	if (step->len > 4 && !memcmp(step->name, "hex:", 4))
		return is_hex_of(key, step->name + 4, step->len - 4);
	return is_number_of(key, step) || is_text_of(key, step);
}

/* A key as a path would name it: a number, a word, else its bytes. */
static void describe_key(const struct ksnap_value *key, char *buf, size_t cap)
{
	struct number n;
	size_t len = 4;

	if (!value_number(key, &n, NULL) && n.value <= UINT64_MAX) {
		snprintf(buf, cap, "%llu", (unsigned long long)n.value);
	} else if (!value_number(key, &n, NULL) && n.is_negative) {
		snprintf(buf, cap, "%lld", (long long)n.value);
	} else if (ksnap_value_str(key, buf, cap, NULL) < 0) {
		snprintf(buf, cap, "hex:");
		for (size_t i = 0; i < key->size && len + 3 < cap; i++)
			len += snprintf(buf + len, cap - len, "%02x", key->data[i]);
	}
}

static void list_keys(const struct ksnap_map *m, struct list *l)
{
	char text[SAMPLE_BYTES + 1];
	struct ksnap_value key;

	for (size_t i = 0; i < m->count && i < SAMPLE_KEYS; i++) {
		if (ksnap_map_key(m, i, &key, NULL))
			continue;
		describe_key(&key, text, sizeof(text));
		list_add(l, "%s", text);
	}
	if (m->count > SAMPLE_KEYS)
		list_add(l, "...");
}

static int miss_key(const struct ksnap_map *m, const struct path_step *step, struct ksnap_err *err)
{
	const msgpack_object *why = map_error(m);
	struct list keys = { .n = 0 };
	int len = step->len < 64 ? step->len : 64;

	if (!m->count)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "map '%s' has no key '%.*s' among its 0 entries%s%.*s", m->name, len,
			       step->name, why ? "; it could not be read: " : "",
			       why ? (int)(why->via.str.size < 200 ? why->via.str.size : 200) : 0,
			       why ? why->via.str.ptr : "");
	if (!m->has_keys)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "map '%s' (%s) has no keys; its %llu entries are [0] and on",
			       m->name, m->type, (unsigned long long)m->count);
	list_keys(m, &keys);
	return err_set(err, KSNAP_E_NOTFOUND,
		       "map '%s' has no key '%.*s' among its %llu entries; it has: %s; a key is "
		       "named by its number, its text, or its bytes as hex:, [#0] is the first%s",
		       m->name, len, step->name, (unsigned long long)m->count, list_text(&keys),
		       m->kt == TYPE_NONE ? " (its keys have no type: the map had no BTF)" : "");
}

/* "#3", the fourth; false: @step is no place. */
static bool is_place(const struct path_step *step, uint64_t *ret)
{
	uint64_t n = 0;

	if (step->is_quoted || step->len < 2 || step->name[0] != '#')
		return false;
	for (size_t i = 1; i < step->len; i++)
		if (!isdigit((unsigned char)step->name[i]) || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, step->name[i] - '0', &n))
			return false;
	*ret = n;
	return true;
}

int entry_find(const struct ksnap_map *m, const struct path_step *step, size_t *ret,
	       struct ksnap_err *err)
{
	struct ksnap_value key;
	uint64_t place = step->number;

	if (is_place(step, &place) || (!m->has_keys && m->count && step->has_number)) {
		if (place >= m->count)
			return refuse_entry(m, place, err);
		*ret = place;
		return 0;
	}
	for (size_t i = 0; i < m->count; i++) {
		if (ksnap_map_key(m, i, &key, NULL) || !is_key(&key, step))
			continue;
		*ret = i;
		return 0;
	}
	return miss_key(m, step, err);
}

int ksnap_map_find(const struct ksnap_map *m, const char *key, size_t *ret, struct ksnap_err *err)
{
	struct path_step step = { .kind = PATH_INDEX, .name = key, .len = strlen(key) };

	if (!step.len)
		return err_set(err, KSNAP_E_ARG, "an empty key names no entry of map '%s'",
			       m->name);
	step.has_number = path_number(key, step.len, &step.number);
	return entry_find(m, &step, ret, err);
}

int ksnap_map_find_bytes(const struct ksnap_map *m, const void *key, size_t len, size_t *ret,
			 struct ksnap_err *err)
{
	if (!m->has_keys)
		return err_set(err, KSNAP_E_ARG, "map '%s' (%s) has no keys", m->name, m->type);
	if (len != m->key_size)
		return err_set(err, KSNAP_E_ARG, "keys of map '%s' have %u bytes, not %zu", m->name,
			       m->key_size, len);
	for (size_t i = 0; len && i < m->count; i++) {
		if (memcmp(m->keys + i * len, key, len))
			continue;
		*ret = i;
		return 0;
	}
	return err_set(err, KSNAP_E_NOTFOUND, "map '%s' has no such key among its %llu entries",
		       m->name, (unsigned long long)m->count);
}
