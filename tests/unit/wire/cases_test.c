// SPDX-License-Identifier: MIT
/* cases_test.c - the data cases of tests/wire/, which Python and Lua read too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "wire/envelope.h"
#include "wire/scan.h"
#include "wire/shapes.h"

struct wire_case {
	char *name, *kind, *verdict, *expected;
	uint8_t *data; /* of exactly len bytes, so that sanitizers see a read past its end */
	size_t len;
};

/* ---- a value as text, the same as in cases_python.py and cases.lua ---- */

static void render(const msgpack_object *o, struct buf *out);

static void render_string(const msgpack_object_str *s, struct buf *out)
{
	buf_printf(out, "\"");
	for (uint32_t i = 0; i < s->size; i++) {
		uint8_t c = (uint8_t)s->ptr[i];

		if (c < 32 || c > 126 || strchr("\"\\|", c))
			buf_printf(out, "\\x%02x", c);
		else
			buf_append(out, &c, 1);
	}
	buf_printf(out, "\"");
}

static void render_hex(const char *p, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++)
		buf_printf(out, "%02x", (uint8_t)p[i]);
}

static void render_items(const msgpack_object *o, struct buf *out)
{
	bool map = o->type == MSGPACK_OBJECT_MAP;
	size_t n = map ? o->via.map.size : o->via.array.size;

	buf_printf(out, map ? "{" : "[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_printf(out, ",");
		if (map) {
			render(&o->via.map.ptr[i].key, out);
			buf_printf(out, ":");
		}
		render(map ? &o->via.map.ptr[i].val : &o->via.array.ptr[i], out);
	}
	buf_printf(out, map ? "}" : "]");
}

static void render(const msgpack_object *o, struct buf *out)
{
	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		buf_printf(out, "null");
		break;
	case MSGPACK_OBJECT_BOOLEAN:
		buf_printf(out, o->via.boolean ? "true" : "false");
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		buf_printf(out, "%" PRIu64, o->via.u64);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		buf_printf(out, "%" PRId64, o->via.i64);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		buf_printf(out, "%.17g", o->via.f64);
		break;
	case MSGPACK_OBJECT_STR:
		render_string(&o->via.str, out);
		break;
	case MSGPACK_OBJECT_BIN:
		buf_printf(out, "x'");
		render_hex(o->via.bin.ptr, o->via.bin.size, out);
		buf_printf(out, "'");
		break;
	case MSGPACK_OBJECT_EXT:
		buf_printf(out, "ext(%d,", o->via.ext.type);
		render_hex(o->via.ext.ptr, o->via.ext.size, out);
		buf_printf(out, ")");
		break;
	case MSGPACK_OBJECT_ARRAY:
	case MSGPACK_OBJECT_MAP:
		render_items(o, out);
		break;
	}
}

static void check_text(const struct wire_case *c, const void *data, size_t len)
{
	_buf_ struct buf text = BUF_INIT;
	msgpack_unpacked u;
	size_t used = 0;

	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, data, len, &used) != MSGPACK_UNPACK_SUCCESS || used != len)
		fail_msg("%s: msgpack-c does not take it", c->name);
	render(&u.data, &text);
	buf_append(&text, "", 1);
	if (strcmp((char *)text.data, c->expected))
		fail_msg("%s: is %s, expected %s", c->name, (char *)text.data, c->expected);
	msgpack_unpacked_destroy(&u);
}

/* ---- what a kind does with its bytes ---- */

/* A deadline that was not named comes back as its default. */
static void drop_default_deadline(struct buf *out, const struct wire_case *c)
{
	static const char tail[] = "\xa1t\xcd\x75\x30";

	if (strstr(c->expected, ",\"t\":") || strncmp(c->expected, "{\"v\":", 5))
		return;
	out->len -= sizeof(tail) - 1;
	assert_memory_equal(out->data + out->len, tail, sizeof(tail) - 1);
	out->data[0]--;
}

static int take_request(const struct wire_case *c, const void *data, size_t len, struct buf *again,
			struct ksnap_err *err)
{
	struct wire_request rq;
	int rc = request_decode(data, len, &rq, err);

	if (rc || !again)
		return rc;
	assert_int_equal(request_encode(&rq, again), 0);
	drop_default_deadline(again, c);
	return 0;
}

static int take_params(const struct wire_case *c, const void *data, size_t len, struct buf *again,
		       struct ksnap_err *err)
{
	const struct wire_op *op = wire_op_find(wire_slice_of(strchr(c->kind, ':') + 1));
	struct wire_arena arena = { 0 };
	void *params;
	int rc;

	assert_non_null(op);
	params = malloc(op->params->size + 1);
	rc = wire_decode(op->params, data, len, WIRE_REFUSE_UNKNOWN, &arena, params, err);
	if (!rc && again)
		assert_int_equal(wire_encode(op->params, params, again), 0);
	wire_arena_fini(&arena);
	free(params);
	return rc;
}

static int take_reply(const struct wire_case *c, const void *data, size_t len, struct buf *again,
		      struct ksnap_err *err)
{
	struct wire_reply rp;
	int rc = reply_decode(data, len, &rp, err);

	if (!rc && again)
		assert_int_equal(reply_encode(&rp, again), 0);
	return rc;
}

static int take(const struct wire_case *c, const void *data, size_t len, struct buf *again,
		struct ksnap_err *err)
{
	if (!strcmp(c->kind, "request"))
		return take_request(c, data, len, again, err);
	if (!strcmp(c->kind, "reply"))
		return take_reply(c, data, len, again, err);
	assert_int_equal(strncmp(c->kind, "params:", 7), 0);
	return take_params(c, data, len, again, err);
}

static void check_prefixes(const struct wire_case *c)
{
	for (size_t len = 0; len < c->len; len++) {
		struct ksnap_err err = { 0 };
		uint8_t *cut = malloc(len ? len : 1);

		memcpy(cut, c->data, len);
		if (take(c, cut, len, NULL, &err) != KSNAP_E_PROTO || err.code != KSNAP_E_PROTO ||
		    strncmp(err.text, "byte ", 5))
			fail_msg("%s, cut to %zu bytes: %s", c->name, len, err.text);
		free(cut);
	}
}

static void check_good(const struct wire_case *c)
{
	_buf_ struct buf again = BUF_INIT;
	struct ksnap_err err = { 0 };

	if (take(c, c->data, c->len, &again, &err))
		fail_msg("%s: %s", c->name, err.text);
	assert_int_equal(err.code, 0);
	check_text(c, c->data, c->len);
	check_text(c, again.data, again.len);
	check_prefixes(c);
}

static void check_refused(const struct wire_case *c)
{
	struct ksnap_err err = { 0 };
	int rc = take(c, c->data, c->len, NULL, &err), sound;

	if (rc != ksnap_err_code(c->verdict) || rc != err.code)
		fail_msg("%s: gave %s (%s)", c->name, ksnap_err_name(rc), err.text);
	if (!strstr(err.text, c->expected))
		fail_msg("%s: \"%s\" does not contain \"%s\"", c->name, err.text, c->expected);
	sound = scan_whole(c->data, c->len, NULL);
	if ((sound != 0) != (strncmp(err.text, "byte ", 5) == 0))
		fail_msg("%s: the scan and the text differ: %s", c->name, err.text);
	assert_int_equal(take(c, c->data, c->len, NULL, NULL), rc);
}

/* ---- reading the files ---- */

static char *next_column(char **line)
{
	char *column = *line, *end = strstr(column, " | ");

	if (end) {
		*end = '\0';
		*line = end + 3;
	}
	return column;
}

static void split_case(char *line, struct wire_case *c)
{
	char *hex;

	line[strcspn(line, "\n")] = '\0';
	c->name = next_column(&line);
	c->kind = next_column(&line);
	hex = next_column(&line);
	c->verdict = next_column(&line);
	c->expected = line;
	assert_true(*c->verdict && *c->expected);
	c->len = strlen(hex) / 2;
	c->data = malloc(c->len ? c->len : 1);
	for (size_t i = 0; i < c->len; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &c->data[i]), 1);
}

static unsigned run_file(const char *name)
{
	const char *top = getenv("KSNAP_TOP_SRCDIR");
	char path[4096], line[8192];
	unsigned n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/wire/%s.cases", top ? top : ".", name);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		struct wire_case c;

		if (line[0] == '#')
			continue;
		split_case(line, &c);
		if (!strcmp(c.verdict, "ok"))
			check_good(&c);
		else
			check_refused(&c);
		free(c.data);
		n++;
	}
	fclose(file);
	return n;
}

static void requests(void **state)
{
	assert_true(run_file("requests") >= 80);
}

static void params(void **state)
{
	assert_true(run_file("params") >= 50);
}

static void replies(void **state)
{
	assert_true(run_file("replies") >= 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(params),
		cmocka_unit_test(replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
