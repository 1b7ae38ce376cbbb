// SPDX-License-Identifier: MIT
/* map.c - one map of a snapshot. Entries are made in Lua from key(i) and value(i), i from 0. */
#include "base/error.h"
#include "lua/bind.h"

#define MAP_MT "ksnap.map"

struct map_box {
	const struct ksnap_map
		*map; /* lives as long as the snapshot, which is the box's user value */
};

void map_push(lua_State *L, int snap_idx, const struct ksnap_map *map)
{
	struct map_box *box;

	snap_idx = lua_absindex(L, snap_idx);
	box = lua_newuserdatauv(L, sizeof(*box), 1);
	box->map = map;
	lua_pushvalue(L, snap_idx);
	lua_setiuservalue(L, -2, 1);
	luaL_setmetatable(L, MAP_MT);
}

/* The map at index 1, with its snapshot pushed; raises when that is closed. */
static const struct ksnap_map *map_check(lua_State *L)
{
	struct map_box *box = luaL_checkudata(L, 1, MAP_MT);

	lua_getiuservalue(L, 1, 1);
	snapshot_check(L, -1);
	return box->map;
}

typedef int (*read_fn)(const struct ksnap_map *m, size_t i, struct ksnap_value *ret,
		       struct ksnap_err *err);

static int push_read(lua_State *L, read_fn read)
{
	const struct ksnap_map *m = map_check(L);
	lua_Integer i = luaL_checkinteger(L, 2);
	struct ksnap_value value;
	struct ksnap_err err;
	int rc;

	if (i < 0)
		rc = err_set(&err, KSNAP_E_NOTFOUND,
			     "%s has %zu entries, counted from 0; there is no %lld",
			     ksnap_map_name(m), ksnap_map_count(m), (long long)i);
	else
		rc = read(m, (size_t)i, &value, &err);
	if (rc)
		return errors_raise(L, &err, NULL);
	value_push(L, -1, &value);
	return 1;
}

static int map_key(lua_State *L)
{
	return push_read(L, ksnap_map_key);
}

static int map_value(lua_State *L)
{
	return push_read(L, ksnap_map_value);
}

/* map:lookup(key): the place of the entry with this key, a number or as in a path; nil, err. */
static int map_lookup(lua_State *L)
{
	const struct ksnap_map *m = map_check(L);
	const char *key = luaL_tolstring(L, 2, NULL);
	struct ksnap_err err;
	size_t i;

	if (ksnap_map_find(m, key, &i, &err))
		return errors_return(L, &err, NULL);
	lua_pushinteger(L, (lua_Integer)i);
	return 1;
}

static int map_len(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)ksnap_map_count(map_check(L)));
	return 1;
}

static int map_name(lua_State *L)
{
	lua_pushstring(L, ksnap_map_name(map_check(L)));
	return 1;
}

static int map_id(lua_State *L)
{
	lua_pushinteger(L, ksnap_map_id(map_check(L)));
	return 1;
}

static int map_complete(lua_State *L)
{
	lua_pushboolean(L, ksnap_map_complete(map_check(L)));
	return 1;
}

/* CPUs of a per-CPU map, else 0. */
static int map_ncpu(lua_State *L)
{
	lua_pushinteger(L, ksnap_map_ncpu(map_check(L)));
	return 1;
}

static int map_tostring(lua_State *L)
{
	const struct ksnap_map *m = map_check(L);

	lua_pushfstring(L, "map %s (%d entries)", ksnap_map_name(m), (int)ksnap_map_count(m));
	return 1;
}

static const luaL_Reg map_methods[] = {
	{ "key", map_key },
	{ "value", map_value },
	{ "name", map_name },
	{ "lookup", map_lookup },
	{ "id", map_id },
	{ "ncpu", map_ncpu },
	{ "complete", map_complete },
	{ "__len", map_len },
	{ "__tostring", map_tostring },
	{ NULL, NULL },
};

void map_register(lua_State *L)
{
	luaL_newmetatable(L, MAP_MT);
	luaL_setfuncs(L, map_methods, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "__index");
}
