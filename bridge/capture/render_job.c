// SPDX-License-Identifier: MIT
/* render_job.c - render a report, or the one value a path names, as msgpack.
 *
 * Paths are "map[key]", "map[key].member...", "variable" and "variable.member...".
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/job.h"
#include "report/render.h"

#define KEY_MAX 256

/* A key as a path gives it: at least one of the three readings. */
struct key {
	const char *text;
	bool is_signed, is_unsigned;
	int64_t i;
	uint64_t u;
	uint8_t bytes[KEY_MAX / 2];
	size_t nbytes; /* with hex: */
};

static void close_snapshot(struct ksnap_snapshot **s)
{
	ksnap_snapshot_close(*s);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_hex(const char *text, struct key *k, struct ksnap_err *err)
{
	size_t len = strlen(text);

	if (len / 2 > sizeof(k->bytes))
		return err_set(err, KSNAP_E_ARG, "path: a hex: key has at most %zu bytes",
			       sizeof(k->bytes));
	for (size_t i = 0; i < len; i += 2) {
		int hi = hex_digit(text[i]), lo = i + 1 < len ? hex_digit(text[i + 1]) : -1;

		if (hi < 0 || lo < 0)
			return err_set(err, KSNAP_E_ARG, "path: hex:%s is not pairs of hex digits",
				       text);
		k->bytes[k->nbytes++] = hi << 4 | lo;
	}
	return 0;
}

static int parse_key(const char *text, struct key *k, struct ksnap_err *err)
{
	char *end;

	*k = (struct key){ .text = text };
	if (!strncmp(text, "hex:", 4))
		return parse_hex(text + 4, k, err);
	errno = 0;
	k->i = strtoll(text, &end, 0);
	k->is_signed = *text && !*end && !errno;
	errno = 0;
	k->u = strtoull(text, &end, 0);
	k->is_unsigned = *text && *text != '-' && !*end && !errno;
	return 0;
}

/* A key of no known type is read as a number in this machine's byte order. */
static bool raw_matches(const struct ksnap_value *v, const struct key *k)
{
	uint64_t n = 0;

	if (v->size > sizeof(n) || !k->is_unsigned)
		return false;
	memcpy(&n, v->data, v->size);
	return n == k->u;
}

static bool key_matches(const struct ksnap_value *v, const struct key *k)
{
	char str[KEY_MAX];
	uint64_t u;
	int64_t i;

	if (k->nbytes)
		return v->size == k->nbytes && !memcmp(v->data, k->bytes, k->nbytes);
	if (v->type == UINT32_MAX)
		return raw_matches(v, k);
	if (k->is_unsigned && !ksnap_value_u64(v, &u, NULL))
		return u == k->u;
	if (k->is_signed && !ksnap_value_i64(v, &i, NULL))
		return i == k->i;
	return ksnap_value_str(v, str, sizeof(str), NULL) >= 0 && !strcmp(str, k->text);
}

static int find_entry(const struct ksnap_map *m, const char *text, struct ksnap_value *ret,
		      struct ksnap_err *err)
{
	struct ksnap_value key_value;
	struct key key;
	int code = parse_key(text, &key, err);

	for (size_t i = 0; i < ksnap_map_count(m) && !code; i++) {
		code = ksnap_map_key(m, i, &key_value, err);
		if (!code && key_matches(&key_value, &key))
			return ksnap_map_value(m, i, ret, err);
	}
	if (code)
		return code;
	return err_set(err, KSNAP_E_NOTFOUND, "map %s has no key '%s' among its %zu entries",
		       ksnap_map_name(m), text, ksnap_map_count(m));
}

/* Step into @v by what is left of the path: "", ".member" or "[index]". */
static int follow_rest(struct ksnap_value *v, const char *rest, struct ksnap_err *err)
{
	struct ksnap_value start = *v;

	rest += *rest == '.';
	return *rest ? ksnap_value_get(&start, rest, v, err) : 0;
}

/* "map[key]rest" of a map that is there. 1: it is not of this form. */
static int resolve_entry(const struct ksnap_snapshot *s, const char *path, struct ksnap_value *ret,
			 struct ksnap_err *err)
{
	size_t name_len = strcspn(path, "[");
	const char *end = path[name_len] ? strchr(path + name_len, ']') : NULL;
	const struct ksnap_map *m;
	_free_ char *name = strndup(path, name_len);
	char key[KEY_MAX];
	int code;

	if (!name)
		return err_nomem(err);
	m = end ? ksnap_snapshot_map(s, name, NULL) : NULL;
	if (!m)
		return 1;
	path += name_len + 1;
	if (end - path >= KEY_MAX)
		return err_set(err, KSNAP_E_ARG, "path: a key has at most %d characters",
			       KEY_MAX - 1);
	memcpy(key, path, end - path);
	key[end - path] = 0;
	code = find_entry(m, key, ret, err);
	return code ? code : follow_rest(ret, end + 1, err);
}

/* "variable" or "object.section:variable", then members. */
static int resolve_variable(const struct ksnap_snapshot *s, const char *path,
			    struct ksnap_value *ret, struct ksnap_err *err)
{
	const char *colon = strchr(path, ':');
	const char *start = colon ? colon + 1 : path;
	size_t len = start - path + strcspn(start, ".[");
	_free_ char *name = strndup(path, len);
	int code;

	if (!name)
		return err_nomem(err);
	code = ksnap_snapshot_var(s, name, ret, err);
	return code ? code : follow_rest(ret, path + len, err);
}

int render_job(struct ksnap_blob *report, const char *path, struct buf *out, struct ksnap_err *err)
{
	static const struct render_opts opts;
	__attribute__((cleanup(close_snapshot))) struct ksnap_snapshot *s =
		ksnap_snapshot_open(report, err);
	struct ksnap_value v;
	int code;

	if (!s)
		return err->code;
	if (!path)
		return render_report_tree(s, &opts, out) ? err_nomem(err) : 0;
	code = resolve_entry(s, path, &v, err);
	if (code == 1)
		code = resolve_variable(s, path, &v, err);
	if (code)
		return code;
	return render_value_tree(&v, &opts, out) ? err_nomem(err) : 0;
}
