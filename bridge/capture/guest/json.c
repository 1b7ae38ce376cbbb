// SPDX-License-Identifier: MIT
/* json.c - skip values until the wanted one. */
#include "capture/guest/json.h"

#include <stdlib.h>
#include <string.h>

static size_t skip_space(struct json in, size_t at)
{
	while (at < in.len && strchr(" \t\r\n", in.p[at]) && in.p[at])
		at++;
	return at;
}

/* Behind the string that begins at @at; len when it does not end. */
static size_t skip_string(struct json in, size_t at)
{
	for (at++; at < in.len && in.p[at] != '"'; at++)
		at += in.p[at] == '\\';
	return at < in.len ? at + 1 : in.len;
}

/* Behind the value that begins at @at: to where its braces close, or to what ends a plain one. */
static size_t skip_value(struct json in, size_t at)
{
	size_t depth = 0;

	while (at < in.len) {
		char c = in.p[at];

		if (c == '"') {
			at = skip_string(in, at);
		} else if (c == '{' || c == '[') {
			depth++;
			at++;
		} else if ((c == '}' || c == ']' || c == ',') && !depth) {
			return at;
		} else {
			depth -= c == '}' || c == ']';
			at++;
		}
		if (!depth && at < in.len && (c == '"' || c == '}' || c == ']'))
			return at;
	}
	return at;
}

static struct json trimmed(struct json in, size_t from, size_t to)
{
	while (to > from && strchr(" \t\r\n", in.p[to - 1]))
		to--;
	return (struct json){ in.p + from, to - from };
}

static bool is_key(struct json name, const char *key)
{
	size_t len = strlen(key);

	return name.len == len + 2 && !memcmp(name.p + 1, key, len);
}

bool json_member(struct json in, const char *key, struct json *ret)
{
	size_t at = skip_space(in, 0), from;
	struct json name;

	if (at >= in.len || in.p[at] != '{')
		return false;
	for (at++;; at++) {
		at = skip_space(in, at);
		if (at >= in.len || in.p[at] != '"')
			return false;
		from = at;
		at = skip_string(in, at);
		name = (struct json){ in.p + from, at - from };
		at = skip_space(in, at);
		if (at >= in.len || in.p[at] != ':')
			return false;
		from = skip_space(in, at + 1);
		at = skip_value(in, from);
		if (is_key(name, key)) {
			*ret = trimmed(in, from, at);
			return ret->len;
		}
		at = skip_space(in, at);
		if (at >= in.len || in.p[at] != ',')
			return false;
	}
}

bool json_next(struct json in, size_t *at, struct json *ret)
{
	size_t from = skip_space(in, *at);

	if (from >= in.len || in.p[from] != (*at ? ',' : '['))
		return false;
	from = skip_space(in, from + 1);
	*at = skip_space(in, skip_value(in, from));
	*ret = trimmed(in, from, *at);
	return ret->len;
}

static char unescape(struct json in, size_t *at)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	char c = in.p[*at];
	const char *found = c ? strchr(from, c) : NULL;
	char digits[5] = "";
	unsigned long code;

	if (found)
		return to[found - from];
	if (c != 'u' || in.len - *at < 5)
		return c;
	memcpy(digits, in.p + *at + 1, 4);
	*at += 4;
	code = strtoul(digits, NULL, 16);
	return code && code < 0x80 ? (char)code : '?';
}

bool json_string(struct json in, char *buf, size_t cap)
{
	size_t n = 0;

	if (in.len < 2 || in.p[0] != '"' || in.p[in.len - 1] != '"')
		return false;
	in.len--;
	for (size_t at = 1; at < in.len && n + 1 < cap; at++) {
		char c = in.p[at];

		if (c == '\\' && at + 1 < in.len) {
			at++;
			c = unescape(in, &at);
		}
		buf[n++] = c;
	}
	buf[n] = 0;
	return true;
}

bool json_is(struct json in, const char *text)
{
	return in.len == strlen(text) && !memcmp(in.p, text, in.len);
}
