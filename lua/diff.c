// SPDX-License-Identifier: MIT
/* diff.c - what differs between two snapshots, as a list of tables. */
#include <string.h>

#include "base/error.h"
#include "lua/bind.h"
#include "report/diff.h"

#define ARRAY32      0xdd
#define ARRAY32_HEAD 5

struct listing {
	struct diff_printer *printer;
	struct buf *out;
	uint32_t n;
};

static int add_change(void *arg, const struct ksnap_change *c)
{
	struct listing *l = arg;

	l->n++;
	return diff_print_tree(l->printer, c, l->out) ? KSNAP_E_NOMEM : 0;
}

/* A msgpack list of the changes. No Lua error can pass through here. */
static int list_changes(const struct ksnap_snapshot *a, const struct ksnap_snapshot *b,
			const char *path, struct buf *out, struct ksnap_err *err)
{
	const uint8_t head[ARRAY32_HEAD] = { ARRAY32 };
	struct listing l = { .printer = diff_printer_create(a, b, NULL), .out = out };
	int rc = buf_append(out, head, sizeof(head));

	if (!l.printer || rc < 0)
		rc = err_nomem(err);
	else
		rc = ksnap_snapshot_diff(a, b, path, add_change, &l, err);
	for (unsigned i = 0; rc >= 0 && i < 4; i++)
		out->data[1 + i] = l.n >> (24 - 8 * i);
	diff_printer_destroy(l.printer);
	return rc;
}

/* diff(snapshot, other [, path]) -> list of changes, empty when they are equal; raises E_STATE for
 * a placeholder, E_NOTFOUND when path is in neither. */
static int snapshot_diff(lua_State *L)
{
	struct ksnap_snapshot *a = snapshot_check(L, 1), *b = snapshot_check(L, 2);
	const char *path = luaL_optstring(L, 3, NULL);
	struct buf *out = buf_push(L);
	struct ksnap_err err = { .code = KSNAP_E_NOMEM, .text = "memory is out" };

	if (list_changes(a, b, path, out, &err) < 0)
		return errors_raise(L, &err, NULL);
	if (msgpack_decode(L, out->data, out->len, &err))
		return errors_raise(L, &err, NULL);
	buf_fini(out);
	return 1;
}

/* The module is the function. */
int luaopen_ksnap_diff(lua_State *L)
{
	lua_pushcfunction(L, snapshot_diff);
	return 1;
}
