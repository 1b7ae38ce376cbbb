// SPDX-License-Identifier: MIT
/* place.c - find a value in a report by what a user types. */
#include "cli/place.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define KEY_TEXT 256 /* longest key a user may type */

/* One "[...]" of a path. */
struct wanted_key {
	char text[KEY_TEXT];
	bool is_number;
	uint64_t num; /* two's complement of a negative one */
};

static int parse_key(const char *p, const char *end, struct wanted_key *ret, struct ksnap_err *err)
{
	size_t len = end - p;
	char *rest;

	if (len == 0 || len >= sizeof(ret->text))
		return err_set(err, KSNAP_E_ARG, "a key within [] has 1 to %d bytes", KEY_TEXT - 1);
	memcpy(ret->text, p, len);
	ret->text[len] = 0;
	errno = 0;
	ret->num = ret->text[0] == '-' ? (uint64_t)strtoll(ret->text, &rest, 0)
				       : strtoull(ret->text, &rest, 0);
	ret->is_number = *rest == 0 && errno == 0 &&
			 (isdigit((unsigned char)ret->text[0]) || ret->text[0] == '-');
	return 0;
}

static bool is_hex_of(const char *hex, const uint8_t *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(hex) != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++)
		if (tolower((unsigned char)hex[2 * i]) != digits[data[i] >> 4] ||
		    tolower((unsigned char)hex[2 * i + 1]) != digits[data[i] & 15])
			return false;
	return true;
}

static bool is_key(const struct wanted_key *w, const struct ksnap_value *key)
{
	char text[KEY_TEXT];
	uint64_t u;
	int64_t i;

	if (strncmp(w->text, "hex:", 4) == 0)
		return is_hex_of(w->text + 4, key->data, key->size);
	if (w->is_number && ksnap_value_u64(key, &u, NULL) == 0)
		return u == w->num;
	if (w->is_number && ksnap_value_i64(key, &i, NULL) == 0)
		return (uint64_t)i == w->num;
	return ksnap_value_str(key, text, sizeof(text), NULL) >= 0 && strcmp(text, w->text) == 0;
}

static int find_entry(const struct ksnap_map *m, const struct wanted_key *w,
		      struct ksnap_value *ret, struct ksnap_err *err)
{
	size_t count = ksnap_map_count(m);
	struct ksnap_value key;

	if (w->text[0] == '#') {
		size_t at = strtoull(w->text + 1, NULL, 10);

		if (at < count)
			return ksnap_map_value(m, at, ret, err);
		return err_set(err, KSNAP_E_NOTFOUND, "map %s has %zu entries, so there is no [%s]",
			       ksnap_map_name(m), count, w->text);
	}
	for (size_t i = 0; i < count; i++)
		if (ksnap_map_key(m, i, &key, NULL) == 0 && is_key(w, &key))
			return ksnap_map_value(m, i, ret, err);
	return err_set(err, KSNAP_E_NOTFOUND,
		       "map %s has no key %s among its %zu entries; [#0] is the first",
		       ksnap_map_name(m), w->text, count);
}

/* The rest of a path behind a name or a key, without the dot that joins them. */
static int step_into(const struct ksnap_value *v, const char *rest, struct ksnap_value *ret,
		     struct ksnap_err *err)
{
	rest += *rest == '.';
	if (*rest)
		return ksnap_value_get(v, rest, ret, err);
	*ret = *v;
	return 0;
}

static bool has_map(const struct ksnap_snapshot *s, const char *name)
{
	for (size_t i = 0; i < ksnap_snapshot_map_count(s); i++)
		if (strcmp(ksnap_map_name(ksnap_snapshot_map_at(s, i)), name) == 0)
			return true;
	return false;
}

/* The map that the first @len bytes of @path name, by name or by id. 0 with *ret NULL: none does,
 * it may be a variable; E_ARG: several do. */
static int find_map(const struct ksnap_snapshot *s, const char *path, size_t len,
		    const struct ksnap_map **ret, struct ksnap_err *err)
{
	_free_ char *name = strndup(path, len);
	struct ksnap_err why = { 0 };

	*ret = NULL;
	if (!name)
		return err_nomem(err);
	if (strncmp(name, "id:", 3) != 0 && !has_map(s, name))
		return 0;
	*ret = ksnap_snapshot_map(s, name, &why);
	return *ret ? 0 : err_set(err, why.code, "%s", why.text);
}

static int find_in_map(const struct ksnap_map *m, const char *open, struct ksnap_value *ret,
		       struct ksnap_err *err)
{
	const char *close = strchr(open, ']');
	struct ksnap_value entry;
	struct wanted_key w;
	int r;

	if (!close)
		return err_set(err, KSNAP_E_ARG, "a [ without its ]: %.100s", open);
	r = parse_key(open + 1, close, &w, err);
	if (r == 0)
		r = find_entry(m, &w, &entry, err);
	return r == 0 ? step_into(&entry, close + 1, ret, err) : r;
}

static int find_variable(const struct ksnap_snapshot *s, const char *path, struct ksnap_value *ret,
			 struct ksnap_err *err)
{
	const char *colon = strchr(path, ':'), *name = colon ? colon + 1 : path;
	const char *rest = name + strcspn(name, ".[");
	_free_ char *whole = strndup(path, rest - path);
	struct ksnap_err why = { 0 }, no_map = { 0 };
	struct ksnap_value v;
	int r;

	if (!whole)
		return err_nomem(err);
	if (!*whole)
		return err_set(err, KSNAP_E_ARG,
			       "a path begins with the name of a variable or a map, not with %.1s",
			       path);
	r = ksnap_snapshot_var(s, whole, &v, &why);
	if (r == 0)
		return step_into(&v, rest, ret, err);
	if (*rest != '[')
		return err_set(err, r, "%s", why.text);
	ksnap_snapshot_map(s, whole, &no_map);
	return err_set(err, r, "%.250s; %.250s", why.text, no_map.text);
}

int place_find(const struct ksnap_snapshot *s, const char *path, struct ksnap_value *ret,
	       struct ksnap_err *err)
{
	const char *open = strchr(path, '[');
	const struct ksnap_map *m;
	int r;

	if (!*path)
		return err_set(err, KSNAP_E_ARG, "an empty path names nothing");
	r = find_map(s, path, strcspn(path, "["), &m, err);
	if (r < 0)
		return r;
	if (m && open)
		return find_in_map(m, open, ret, err);
	if (m)
		return err_set(err, KSNAP_E_ARG,
			       "%.100s is a map; name an entry by its key, as in %.100s[1], or by "
			       "its place, %.100s[#0]",
			       path, path, path);
	return find_variable(s, path, ret, err);
}
