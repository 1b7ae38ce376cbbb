// SPDX-License-Identifier: MIT
/* report_head.c - read schema, placeholder and complete off the front of a report. */
#include <string.h>

#include "base/error.h"
#include "wire/report_head.h"

struct cursor {
	const uint8_t *p, *end;
};

/* Bytes of a map header, 0 when @c does not begin with a map. */
static size_t map_header_len(const struct cursor *c)
{
	if (c->p == c->end)
		return 0;
	if ((*c->p & 0xf0) == 0x80)
		return 1;
	return *c->p == 0xde ? 3 : *c->p == 0xdf ? 5 : 0;
}

static bool read_str(struct cursor *c, const char **ret, size_t *ret_len)
{
	static const uint8_t width[] = { 1, 2, 4 }; /* of str8, str16, str32 */
	size_t len = 0, left = c->end - c->p;

	if (!left)
		return false;
	if ((*c->p & 0xe0) == 0xa0) {
		len = *c->p++ & 0x1f;
	} else if (*c->p >= 0xd9 && *c->p <= 0xdb) {
		unsigned n = width[*c->p++ - 0xd9];

		if (left < 1 + n)
			return false;
		while (n--)
			len = len << 8 | *c->p++;
	} else {
		return false;
	}
	if (len > (size_t)(c->end - c->p))
		return false;
	*ret = (const char *)c->p;
	*ret_len = len;
	c->p += len;
	return true;
}

static bool read_key(struct cursor *c, const char *name)
{
	const char *s;
	size_t len;

	return read_str(c, &s, &len) && len == strlen(name) && !memcmp(s, name, len);
}

static bool read_bool(struct cursor *c, bool *ret)
{
	if (c->p == c->end || (*c->p != 0xc2 && *c->p != 0xc3))
		return false;
	*ret = *c->p++ == 0xc3;
	return true;
}

static bool is_printable(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return true;
}

int report_head_read(const void *data, size_t len, struct report_head *ret, struct ksnap_err *err)
{
	struct cursor c = { data, (const uint8_t *)data };
	struct report_head head = { 0 };
	const char *schema;
	size_t schema_len, header;

	c.end += len < REPORT_HEAD_MAX ? len : REPORT_HEAD_MAX;
	header = len ? map_header_len(&c) : 0;
	if (!header || header > (size_t)(c.end - c.p))
		return err_set(err, KSNAP_E_ARG, "not a report: %s",
			       len ? "the first byte begins no map" : "no bytes");
	c.p += header;
	if (!read_key(&c, "schema") || !read_str(&c, &schema, &schema_len))
		return err_set(err, KSNAP_E_ARG,
			       "not a report: its first key is not schema, a str");
	if (!schema_len || schema_len >= sizeof(head.schema) || !is_printable(schema, schema_len))
		return err_set(err, KSNAP_E_ARG,
			       "not a report: schema is not 1 to 63 printable bytes");
	memcpy(head.schema, schema, schema_len);
	if (!read_key(&c, "placeholder") || !read_bool(&c, &head.placeholder))
		return err_set(err, KSNAP_E_ARG,
			       "not a report: its second key is not placeholder, a bool");
	if (!read_key(&c, "complete") || !read_bool(&c, &head.complete))
		return err_set(err, KSNAP_E_ARG,
			       "not a report: its third key is not complete, a bool");
	*ret = head;
	return 0;
}
