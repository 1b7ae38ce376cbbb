// SPDX-License-Identifier: MIT
/* lua_line.c - msgpack parameters as a Lua table. */
#include "cli/lua_line.h"

#include <ctype.h>
#include <msgpack.h>
#include <string.h>

#include "base/error.h"
#include "cli/out.h"
#include "report/archive.h"

void lua_line_string(struct buf *out, const char *s, size_t len)
{
	buf_append(out, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_append(out, s + i, 1);
	}
	buf_append(out, "\"", 1);
}

static void append_value(struct buf *out, const msgpack_object *o);

static bool is_name(const msgpack_object *o)
{
	if (o->type != MSGPACK_OBJECT_STR || o->via.str.size == 0)
		return false;
	for (uint32_t i = 0; i < o->via.str.size; i++)
		if (!isalnum((unsigned char)o->via.str.ptr[i]) && o->via.str.ptr[i] != '_')
			return false;
	return !isdigit((unsigned char)o->via.str.ptr[0]);
}

/* " key = value, key = value" */
static void append_pairs(struct buf *out, const msgpack_object_map *m)
{
	for (uint32_t i = 0; i < m->size; i++) {
		const msgpack_object *key = &m->ptr[i].key;

		buf_printf(out, i ? ", " : " ");
		if (is_name(key)) {
			buf_append(out, key->via.str.ptr, key->via.str.size);
		} else {
			buf_append(out, "[", 1);
			append_value(out, key);
			buf_append(out, "]", 1);
		}
		buf_append(out, " = ", 3);
		append_value(out, &m->ptr[i].val);
	}
}

static void append_map(struct buf *out, const msgpack_object_map *m)
{
	buf_append(out, "{", 1);
	append_pairs(out, m);
	buf_printf(out, m->size ? " }" : "}");
}

static void append_array(struct buf *out, const msgpack_object_array *a)
{
	buf_append(out, "{", 1);
	for (uint32_t i = 0; i < a->size; i++) {
		buf_printf(out, i ? ", " : " ");
		append_value(out, &a->ptr[i]);
	}
	buf_printf(out, a->size ? " }" : "}");
}

static void append_value(struct buf *out, const msgpack_object *o)
{
	switch (o->type) {
	case MSGPACK_OBJECT_STR:
		lua_line_string(out, o->via.str.ptr, o->via.str.size);
		break;
	case MSGPACK_OBJECT_BIN:
		lua_line_string(out, o->via.bin.ptr, o->via.bin.size);
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER: /* above 2^63 only hex keeps all bits */
		buf_printf(out, o->via.u64 > INT64_MAX ? "0x%llx" : "%llu",
			   (unsigned long long)o->via.u64);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		buf_printf(out, "%lld", (long long)o->via.i64);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		buf_printf(out, "%.17g", o->via.f64);
		break;
	case MSGPACK_OBJECT_BOOLEAN:
		buf_printf(out, o->via.boolean ? "true" : "false");
		break;
	case MSGPACK_OBJECT_MAP:
		append_map(out, &o->via.map);
		break;
	case MSGPACK_OBJECT_ARRAY:
		append_array(out, &o->via.array);
		break;
	default:
		buf_printf(out, "nil");
	}
}

int lua_line_call(struct buf *out, const char *op, const char *first, const struct params *p,
		  struct ksnap_err *err)
{
	msgpack_unpacked all;

	buf_printf(out, "op.%s", op);
	if (!first && (!p || p->n == 0)) {
		buf_printf(out, "()");
		return 0;
	}
	buf_printf(out, " {%s%s", first ? " " : "", first ? first : "");
	if (p && p->n) {
		msgpack_unpacked_init(&all);
		if (msgpack_unpack_next(&all, (const char *)p->buf.data, p->buf.len, NULL) !=
		    MSGPACK_UNPACK_SUCCESS)
			return err_nomem(err);
		buf_printf(out, "%s", first ? "," : "");
		append_pairs(out, &all.data.via.map);
		msgpack_unpacked_destroy(&all);
	}
	buf_printf(out, " }");
	return buf_ok(out) ? 0 : err_nomem(err);
}

int lua_line_op(const char *op, const struct params *p, struct ksnap_err *err)
{
	_buf_ struct buf out = BUF_INIT;
	int r = lua_line_call(&out, op, NULL, p, err);

	buf_append(&out, "\n", 1);
	out_buf(&out);
	return r;
}

void lua_line_snapshot(struct buf *out, const char *name)
{
	struct snapshot_name n;

	snapshot_name_read(name, &n);
	buf_printf(out, n.is_file ? "ksnap.open(" : "run:snapshot(");
	if (n.is_file)
		lua_line_string(out, name, n.len);
	if (n.is_file && n.tag)
		buf_append(out, ", ", 2);
	if (n.tag)
		lua_line_string(out, n.tag, strlen(n.tag));
	buf_append(out, ")", 1);
}
