// SPDX-License-Identifier: MIT
/* params.c - build an op's parameters, one named value after the other. */
#include "cli/params.h"

#include <assert.h>

#include "wire/pack.h"

#define FIXMAP 0x80

void params_init(struct params *p)
{
	uint8_t head = FIXMAP;

	*p = (struct params){ .buf = BUF_INIT };
	buf_append(&p->buf, &head, 1);
}

void params_fini(struct params *p)
{
	buf_fini(&p->buf);
}

static msgpack_packer add_key(struct params *p, const char *key)
{
	msgpack_packer pk;

	assert(p->n < PARAMS_MAX);
	p->n++;
	if (buf_ok(&p->buf))
		p->buf.data[0] = FIXMAP | p->n;
	pack_init(&pk, &p->buf);
	pack_str(&pk, key);
	return pk;
}

void params_str(struct params *p, const char *key, const char *value)
{
	msgpack_packer pk;

	if (!value)
		return;
	pk = add_key(p, key);
	pack_str(&pk, value);
}

void params_uint(struct params *p, const char *key, uint64_t value)
{
	msgpack_packer pk = add_key(p, key);

	msgpack_pack_uint64(&pk, value);
}

void params_bool(struct params *p, const char *key, bool value)
{
	msgpack_packer pk = add_key(p, key);

	pack_bool(&pk, value);
}

void params_list(struct params *p, const char *key, const char *const *values)
{
	msgpack_packer pk;
	size_t n = 0;

	while (values && values[n])
		n++;
	if (n == 0)
		return;
	pk = add_key(p, key);
	msgpack_pack_array(&pk, n);
	for (size_t i = 0; i < n; i++)
		pack_str(&pk, values[i]);
}

void params_raw(struct params *p, const char *key, const struct buf *value)
{
	add_key(p, key);
	if (!buf_ok(value))
		p->buf.failed = true;
	buf_append(&p->buf, value->data, value->len);
}

void params_all(struct params *p, const struct params *more)
{
	assert(p->n + more->n <= PARAMS_MAX);
	p->buf.failed |= more->buf.failed;
	if (!params_ok(p))
		return;
	p->n += more->n;
	p->buf.data[0] = FIXMAP | p->n;
	buf_append(&p->buf, more->buf.data + 1, more->buf.len - 1);
}
