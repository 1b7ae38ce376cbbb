// SPDX-License-Identifier: MIT
/* value.c - a typed place in a snapshot: step into it by path, read it as a Lua value. */
#include <string.h>

#include "base/error.h"
#include "lua/bind.h"
#include "report/render.h"

#define VALUE_MT "ksnap.value"

void value_push(lua_State *L, int snap_idx, const struct ksnap_value *value)
{
	struct ksnap_value *box;

	snap_idx = lua_absindex(L, snap_idx);
	box = lua_newuserdatauv(L, sizeof(*box), 1);
	*box = *value;
	lua_pushvalue(L, snap_idx);
	lua_setiuservalue(L, -2, 1);
	luaL_setmetatable(L, VALUE_MT);
}

/* The value at index 1, with its snapshot pushed; raises when that is closed. */
static const struct ksnap_value *value_check(lua_State *L)
{
	struct ksnap_value *v = luaL_checkudata(L, 1, VALUE_MT);

	lua_getiuservalue(L, 1, 1);
	snapshot_check(L, -1);
	return v;
}

static int value_get(lua_State *L)
{
	const char *path = luaL_checkstring(L, 2);
	const struct ksnap_value *v = value_check(L);
	struct ksnap_value found;
	struct ksnap_err err;

	if (ksnap_value_get(v, path, &found, &err))
		return errors_raise(L, &err, NULL);
	value_push(L, -1, &found);
	return 1;
}

static int value_cpu(lua_State *L)
{
	lua_Integer cpu = luaL_checkinteger(L, 2);
	const struct ksnap_value *v = value_check(L);
	struct ksnap_value found;
	struct ksnap_err err;

	luaL_argcheck(L, cpu >= 0 && cpu <= UINT32_MAX, 2, "a CPU's number");
	if (ksnap_value_cpu(v, (unsigned)cpu, &found, &err))
		return errors_raise(L, &err, NULL);
	value_push(L, -1, &found);
	return 1;
}

/* CPUs it has one value of each for; 0 when it is one value. */
static int value_ncpu(lua_State *L)
{
	lua_pushinteger(L, value_check(L)->ncpu);
	return 1;
}

static int value_deref(lua_State *L)
{
	const struct ksnap_value *v = value_check(L);
	struct ksnap_value target;
	struct ksnap_err err;

	if (ksnap_value_deref(v, &target, &err))
		return errors_raise(L, &err, NULL);
	value_push(L, -1, &target);
	return 1;
}

static void push_number(lua_State *L, const struct ksnap_number *n)
{
	if (n->kind == KSNAP_NUMBER_F64)
		lua_pushnumber(L, n->f64);
	else
		lua_pushinteger(L, n->kind == KSNAP_NUMBER_I64 ? n->i64 : (lua_Integer)n->u64);
}

typedef int (*fold_fn)(const struct ksnap_value *v, const char *path, struct ksnap_number *ret,
		       struct ksnap_err *err);

/* The number; of a minimum or maximum its CPU, too. */
static int push_fold(lua_State *L, fold_fn fold, bool has_cpu)
{
	const char *path = luaL_optstring(L, 2, NULL);
	const struct ksnap_value *v = value_check(L);
	struct ksnap_number n;
	struct ksnap_err err;

	if (fold(v, path, &n, &err))
		return errors_raise(L, &err, NULL);
	push_number(L, &n);
	if (has_cpu)
		lua_pushinteger(L, n.cpu);
	return 1 + has_cpu;
}

static int value_sum(lua_State *L)
{
	return push_fold(L, ksnap_value_sum, false);
}

static int value_min(lua_State *L)
{
	return push_fold(L, ksnap_value_min, true);
}

static int value_max(lua_State *L)
{
	return push_fold(L, ksnap_value_max, true);
}

static int value_u64(lua_State *L)
{
	struct ksnap_err err;
	uint64_t n;

	if (ksnap_value_u64(value_check(L), &n, &err))
		return errors_raise(L, &err, NULL);
	lua_pushinteger(L, (lua_Integer)n);
	return 1;
}

static int value_i64(lua_State *L)
{
	struct ksnap_err err;
	int64_t n;

	if (ksnap_value_i64(value_check(L), &n, &err))
		return errors_raise(L, &err, NULL);
	lua_pushinteger(L, n);
	return 1;
}

static int value_f64(lua_State *L)
{
	struct ksnap_err err;
	double n;

	if (ksnap_value_f64(value_check(L), &n, &err))
		return errors_raise(L, &err, NULL);
	lua_pushnumber(L, n);
	return 1;
}

static int value_bool(lua_State *L)
{
	struct ksnap_err err;
	bool b;

	if (ksnap_value_bool(value_check(L), &b, &err))
		return errors_raise(L, &err, NULL);
	lua_pushboolean(L, b);
	return 1;
}

static int value_str(lua_State *L)
{
	const struct ksnap_value *v = value_check(L);
	size_t cap = v->size + 256; // room for an array as it is, or for an enum's name
	char *text = lua_newuserdatauv(L, cap, 0);
	struct ksnap_err err;

	if (ksnap_value_str(v, text, cap, &err) < 0)
		return errors_raise(L, &err, NULL);
	lua_pushstring(L, text);
	return 1;
}

/* The bytes as the kernel gave them: all CPUs' when it was not narrowed. */
static int value_bytes(lua_State *L)
{
	const struct ksnap_value *v = value_check(L);
	size_t size = v->ncpu ? (v->ncpu - 1) * v->stride + v->size : v->size;

	lua_pushlstring(L, (const char *)v->data, size);
	return 1;
}

static void fail_nomem(lua_State *L)
{
	struct ksnap_err err;

	err_nomem(&err);
	errors_raise(L, &err, NULL);
}

/* All of it as Lua values: structs as tables by member, arrays as lists. */
static int value_tree(lua_State *L)
{
	const struct ksnap_value *v = value_check(L);
	struct buf *b = buf_push(L);
	struct ksnap_err err;

	if (render_value_tree(v, &(struct render_opts){ .raw = false }, b))
		fail_nomem(L);
	if (msgpack_decode(L, b->data, b->len, &err))
		return errors_raise(L, &err, NULL);
	buf_fini(b);
	return 1;
}

static int value_tostring(lua_State *L)
{
	const struct ksnap_value *v = value_check(L);
	struct buf *b = buf_push(L);

	if (render_value_text(v, &(struct render_opts){ .raw = false }, b))
		fail_nomem(L);
	lua_pushlstring(L, (const char *)b->data, b->len);
	buf_fini(b);
	return 1;
}

static const luaL_Reg value_methods[] = {
	{ "get", value_get },     { "cpu", value_cpu },
	{ "ncpu", value_ncpu },   { "u64", value_u64 },
	{ "i64", value_i64 },     { "f64", value_f64 },
	{ "bool", value_bool },   { "str", value_str },
	{ "bytes", value_bytes }, { "sum", value_sum },
	{ "min", value_min },     { "max", value_max },
	{ "deref", value_deref }, { "raw", value_bytes },
	{ "tree", value_tree },   { "__tostring", value_tostring },
	{ NULL, NULL },
};

void value_register(lua_State *L)
{
	luaL_newmetatable(L, VALUE_MT);
	luaL_setfuncs(L, value_methods, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "__index");
}
