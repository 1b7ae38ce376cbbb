// SPDX-License-Identifier: MIT
/* msgpack.c - Lua values to msgpack and back, by msgpack-c.
 *
 * A table is a list when its keys are 1..n with n > 0, else a map; list{}, map{}, bin(s) and
 * uint(i) mark what Lua cannot tell apart. Back: bin and str are strings, a nil within a list is
 * msgpack.null, integers above 2^63 wrap around to negative ones.
 */
#include <string.h>

#include "base/error.h"
#include "lua/bind.h"
#include "wire/pack.h"
#include "wire/scan.h"

#define BUF_MT "ksnap.buf"

static int buf_gc(lua_State *L)
{
	buf_fini(luaL_checkudata(L, 1, BUF_MT));
	return 0;
}

struct buf *buf_push(lua_State *L)
{
	struct buf *b = lua_newuserdatauv(L, sizeof(*b), 0);

	buf_init(b);
	if (luaL_newmetatable(L, BUF_MT)) {
		lua_pushcfunction(L, buf_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return b;
}

/* ---- encode ------------------------------------------------------------------------------- */

static void encode_value(lua_State *L, int idx, msgpack_packer *pk, int depth);

static void refuse(lua_State *L, const char *fmt, const char *what)
{
	struct ksnap_err err;

	err_set(&err, KSNAP_E_ARG, fmt, what);
	errors_raise(L, &err, NULL);
}

/* The mark of a table made by list, map, bin or uint: their first letter; 0 for a plain table. */
static char table_mark(lua_State *L, int idx)
{
	char mark = 0;

	if (luaL_getmetafield(L, idx, "__msgpack") == LUA_TNIL)
		return 0;
	if (lua_isstring(L, -1))
		mark = *lua_tostring(L, -1);
	lua_pop(L, 1);
	return mark;
}

/* Count all pairs, and in *ret_items those whose keys are 1 to @len. */
static size_t count_pairs(lua_State *L, int idx, size_t len, size_t *ret_items)
{
	size_t n = 0;

	*ret_items = 0;
	for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
		lua_Integer key = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;

		n++;
		*ret_items += key >= 1 && (size_t)key <= len;
	}
	return n;
}

static void encode_list(lua_State *L, int idx, msgpack_packer *pk, int depth)
{
	size_t n = lua_rawlen(L, idx);

	msgpack_pack_array(pk, n);
	for (size_t i = 1; i <= n; i++) {
		lua_rawgeti(L, idx, i);
		encode_value(L, lua_gettop(L), pk, depth + 1);
		lua_pop(L, 1);
	}
}

static void encode_map(lua_State *L, int idx, size_t n, msgpack_packer *pk, int depth)
{
	msgpack_pack_map(pk, n);
	for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING && !lua_isinteger(L, -2))
			refuse(L, "a key of type %s has no form in a message; use strings",
			       luaL_typename(L, -2));
		encode_value(L, lua_gettop(L) - 1, pk, depth + 1);
		encode_value(L, lua_gettop(L), pk, depth + 1);
	}
}

static void encode_marked(lua_State *L, int idx, char mark, msgpack_packer *pk)
{
	size_t len;
	const char *s;

	lua_rawgeti(L, idx, 1);
	if (mark == 'b') {
		s = lua_tolstring(L, -1, &len);
		pack_bin(pk, s ? s : "", s ? len : 0);
	} else {
		msgpack_pack_uint64(pk, (uint64_t)lua_tointeger(L, -1));
	}
	lua_pop(L, 1);
}

static void encode_table(lua_State *L, int idx, msgpack_packer *pk, int depth)
{
	char mark = table_mark(L, idx);
	size_t len, pairs, items;

	if (mark == 'b' || mark == 'u') {
		encode_marked(L, idx, mark, pk);
		return;
	}
	if (depth > SCAN_DEPTH)
		refuse(L, "the value is nested deeper than %s",
		       "MAX_DEPTH (32), or refers to itself");
	len = lua_rawlen(L, idx);
	pairs = count_pairs(L, idx, len, &items);
	if (mark == 'm' || (!mark && !len))
		encode_map(L, idx, pairs, pk, depth);
	else if (pairs == len && items == len)
		encode_list(L, idx, pk, depth);
	else
		refuse(L, "a table with list items and %s is neither a list nor a map",
		       "other keys, or holes,");
}

static void encode_value(lua_State *L, int idx, msgpack_packer *pk, int depth)
{
	size_t len;
	const char *s;

	luaL_checkstack(L, 6, "value nested too deep");
	switch (lua_type(L, idx)) {
	case LUA_TNIL:
		msgpack_pack_nil(pk);
		return;
	case LUA_TBOOLEAN:
		pack_bool(pk, lua_toboolean(L, idx));
		return;
	case LUA_TNUMBER:
		if (lua_isinteger(L, idx))
			msgpack_pack_int64(pk, lua_tointeger(L, idx));
		else
			msgpack_pack_double(pk, lua_tonumber(L, idx));
		return;
	case LUA_TSTRING:
		s = lua_tolstring(L, idx, &len);
		pack_strn(pk, s, len);
		return;
	case LUA_TTABLE:
		encode_table(L, idx, pk, depth);
		return;
	case LUA_TLIGHTUSERDATA:
		if (lua_touserdata(L, idx) == NULL) {
			msgpack_pack_nil(pk);
			return;
		}
	}
	refuse(L, "a %s has no form in a message", luaL_typename(L, idx));
}

void msgpack_encode(lua_State *L, int idx, struct buf *out)
{
	msgpack_packer pk;

	pack_init(&pk, out);
	encode_value(L, lua_absindex(L, idx), &pk, 1);
	if (!buf_ok(out))
		luaL_error(L, "not enough memory for a message");
}

/* ---- decode ------------------------------------------------------------------------------- */

static void push_array(lua_State *L, const msgpack_object_array *a)
{
	lua_createtable(L, (int)a->size, 0);
	for (uint32_t i = 0; i < a->size; i++) {
		if (a->ptr[i].type == MSGPACK_OBJECT_NIL)
			lua_pushlightuserdata(L, NULL);
		else
			msgpack_push(L, &a->ptr[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

static void push_map(lua_State *L, const msgpack_object_map *m)
{
	lua_createtable(L, 0, (int)m->size);
	for (uint32_t i = 0; i < m->size; i++) {
		msgpack_push(L, &m->ptr[i].key);
		msgpack_push(L, &m->ptr[i].val);
		if (lua_isnil(L, -2) || (lua_type(L, -2) == LUA_TNUMBER && !lua_isinteger(L, -2)))
			lua_pop(L, 2);
		else
			lua_rawset(L, -3);
	}
}

void msgpack_push(lua_State *L, const msgpack_object *o)
{
	luaL_checkstack(L, 4, "value nested too deep");
	switch (o->type) {
	case MSGPACK_OBJECT_BOOLEAN:
		lua_pushboolean(L, o->via.boolean);
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		lua_pushinteger(L, o->via.i64);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		lua_pushnumber(L, o->via.f64);
		break;
	case MSGPACK_OBJECT_STR:
		lua_pushlstring(L, o->via.str.ptr, o->via.str.size);
		break;
	case MSGPACK_OBJECT_BIN:
		lua_pushlstring(L, o->via.bin.ptr, o->via.bin.size);
		break;
	case MSGPACK_OBJECT_EXT:
		lua_pushlstring(L, o->via.ext.ptr, o->via.ext.size);
		break;
	case MSGPACK_OBJECT_ARRAY:
		push_array(L, &o->via.array);
		break;
	case MSGPACK_OBJECT_MAP:
		push_map(L, &o->via.map);
		break;
	default:
		lua_pushnil(L);
	}
}

/* Sound msgpack, as scan_whole leaves it: what follows is read without a look at the end, and
 * straight into Lua, so that nothing is allocated but Lua's own values. */
struct cursor {
	const uint8_t *p, *end;
};

static void push_next(lua_State *L, struct cursor *c);

static uint64_t big_endian(const uint8_t *p, uint64_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static lua_Integer integer_at(const uint8_t *p, const struct scan_head *h)
{
	unsigned unused = 64 - 8 * (unsigned)h->body;

	if (!h->body)
		return (int8_t)p[0]; // the format's own byte
	if (h->type == SCAN_UINT)
		return (lua_Integer)big_endian(p + 1, h->body);
	return (int64_t)(big_endian(p + 1, h->body) << unused) >> unused;
}

static lua_Number float_at(const uint8_t *p, const struct scan_head *h)
{
	uint64_t bits = big_endian(p + 1, h->body);
	uint32_t half = (uint32_t)bits;
	float f;
	double d;

	memcpy(&f, &half, sizeof(f));
	memcpy(&d, &bits, sizeof(d));
	return h->body == sizeof(f) ? (lua_Number)f : d;
}

static void push_items(lua_State *L, struct cursor *c, uint64_t n)
{
	lua_createtable(L, (int)n, 0);
	for (uint64_t i = 1; i <= n; i++) {
		push_next(L, c);
		if (lua_isnil(L, -1)) {
			lua_pop(L, 1);
			lua_pushlightuserdata(L, NULL);
		}
		lua_rawseti(L, -2, (lua_Integer)i);
	}
}

static void push_pairs(lua_State *L, struct cursor *c, uint64_t n)
{
	lua_createtable(L, 0, (int)n);
	while (n--) {
		push_next(L, c);
		push_next(L, c);
		if (lua_isnil(L, -2) || (lua_type(L, -2) == LUA_TNUMBER && !lua_isinteger(L, -2)))
			lua_pop(L, 2);
		else
			lua_rawset(L, -3);
	}
}

static void push_scalar(lua_State *L, const uint8_t *p, const struct scan_head *h)
{
	const char *body = (const char *)p + h->size;

	switch (h->type) {
	case SCAN_BOOL:
		lua_pushboolean(L, p[0] & 1);
		break;
	case SCAN_UINT:
	case SCAN_INT:
		lua_pushinteger(L, integer_at(p, h));
		break;
	case SCAN_FLOAT:
		lua_pushnumber(L, float_at(p, h));
		break;
	case SCAN_STR:
	case SCAN_BIN:
		lua_pushlstring(L, body, h->body);
		break;
	case SCAN_EXT:
		lua_pushlstring(L, body + 1, h->body - 1); // without its type
		break;
	default:
		lua_pushnil(L);
	}
}

static void push_next(lua_State *L, struct cursor *c)
{
	const uint8_t *p = c->p;
	struct scan_head h;

	luaL_checkstack(L, 4, "value nested too deep");
	if (scan_head(p, (size_t)(c->end - p), &h))
		luaL_error(L, "a message is not as it was scanned");
	c->p = p + h.size + h.body;
	if (h.type == SCAN_LIST)
		push_items(L, c, h.items);
	else if (h.type == SCAN_MAP)
		push_pairs(L, c, h.items / 2);
	else
		push_scalar(L, p, &h);
}

int msgpack_decode(lua_State *L, const void *data, size_t len, struct ksnap_err *err)
{
	struct cursor c = { data, (const uint8_t *)data + len };
	int rc = scan_whole(data, len, err);

	if (!rc)
		push_next(L, &c);
	return rc;
}

/* ---- for Lua ------------------------------------------------------------------------------ */

static int encode(lua_State *L)
{
	struct buf *b;

	luaL_checkany(L, 1);
	b = buf_push(L);
	msgpack_encode(L, 1, b);
	lua_pushlstring(L, (const char *)b->data, b->len);
	buf_fini(b);
	return 1;
}

static int decode(lua_State *L)
{
	size_t len;
	const char *data = luaL_checklstring(L, 1, &len);
	struct ksnap_err err;

	if (msgpack_decode(L, data, len, &err))
		return errors_return(L, &err, NULL);
	return 1;
}

static const char list_mark[] = "list", map_mark[] = "map", bin_mark[] = "bin",
		  uint_mark[] = "uint";

/* One metatable a mark, for all tables that have it. */
static int set_mark(lua_State *L, const char *mark)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, mark) == LUA_TNIL) {
		lua_pop(L, 1);
		lua_createtable(L, 0, 1);
		lua_pushstring(L, mark);
		lua_setfield(L, -2, "__msgpack");
		lua_pushvalue(L, -1);
		lua_rawsetp(L, LUA_REGISTRYINDEX, mark);
	}
	lua_setmetatable(L, -2);
	return 1;
}

static int mark_table(lua_State *L, const char *mark)
{
	lua_settop(L, 1);
	if (lua_isnoneornil(L, 1))
		lua_newtable(L);
	luaL_checktype(L, -1, LUA_TTABLE);
	return set_mark(L, mark);
}

static int make_list(lua_State *L)
{
	return mark_table(L, list_mark);
}

static int make_map(lua_State *L)
{
	return mark_table(L, map_mark);
}

static int make_bin(lua_State *L)
{
	luaL_checkstring(L, 1);
	lua_createtable(L, 1, 0);
	lua_pushvalue(L, 1);
	lua_rawseti(L, -2, 1);
	return set_mark(L, bin_mark);
}

static int make_uint(lua_State *L)
{
	luaL_checkinteger(L, 1);
	lua_createtable(L, 1, 0);
	lua_pushvalue(L, 1);
	lua_rawseti(L, -2, 1);
	return set_mark(L, uint_mark);
}

static const luaL_Reg msgpack_functions[] = {
	{ "encode", encode }, { "decode", decode },  { "list", make_list }, { "map", make_map },
	{ "bin", make_bin },  { "uint", make_uint }, { NULL, NULL },
};

int luaopen_ksnap_msgpack(lua_State *L)
{
	luaL_newlib(L, msgpack_functions);
	lua_pushlightuserdata(L, NULL);
	lua_setfield(L, -2, "null");
	return 1;
}
