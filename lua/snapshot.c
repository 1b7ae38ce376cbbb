// SPDX-License-Identifier: MIT
/* snapshot.c - a captured report, opened for reading. */
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "lua/bind.h"
#include "report/reader.h"

#define SNAPSHOT_MT "ksnap.snapshot"

struct ksnap_snapshot *snapshot_check(lua_State *L, int idx)
{
	struct ksnap_snapshot **box = luaL_checkudata(L, idx, SNAPSHOT_MT);
	struct ksnap_err err;

	if (!*box) {
		err_set(&err, KSNAP_E_STATE, "the snapshot is closed");
		errors_raise(L, &err, NULL);
	}
	return *box;
}

/* snapshot.open(blob or string) -> snapshot | nil, err */
static int open_snapshot(lua_State *L)
{
	struct ksnap_blob *blob = blob_check(L, 1);
	struct ksnap_snapshot **box = lua_newuserdatauv(L, sizeof(*box), 0);
	struct ksnap_err err;

	*box = NULL;
	luaL_setmetatable(L, SNAPSHOT_MT);
	*box = ksnap_snapshot_open(blob, &err);
	if (!*box)
		return errors_return(L, &err, NULL);
	return 1;
}

static int snapshot_tag(lua_State *L)
{
	lua_pushstring(L, ksnap_snapshot_tag(snapshot_check(L, 1)));
	return 1;
}

static int snapshot_complete(lua_State *L)
{
	lua_pushboolean(L, ksnap_snapshot_complete(snapshot_check(L, 1)));
	return 1;
}

/* The reason, or nil when the report holds data. */
static int snapshot_placeholder(lua_State *L)
{
	lua_pushstring(L, ksnap_snapshot_placeholder(snapshot_check(L, 1)));
	return 1;
}

/* What a report says of itself beside its maps, as schemas/report.lua has it; nil when it does not.
 */
static const char *const snapshot_fields[] = {
	"target", "ts",         "mono0", "mono1", "consistency", "reasons", "progs",
	"links",  "struct_ops", "sched", "cpus",  "tasks",       "nodes",
};

/* Push the field @name of the snapshot at index 1; nothing when there is no such field. */
static void push_field(lua_State *L, const char *name)
{
	const msgpack_object *o;

	for (size_t i = 0; i < ARRAY_SIZE(snapshot_fields); i++) {
		if (strcmp(name, snapshot_fields[i]))
			continue;
		o = object_get(snapshot_root(snapshot_check(L, 1)), name);
		if (o)
			msgpack_push(L, o);
	}
}

static int snapshot_maps(lua_State *L)
{
	struct ksnap_snapshot *s = snapshot_check(L, 1);
	size_t n = ksnap_snapshot_map_count(s);

	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		map_push(L, 1, ksnap_snapshot_map_at(s, i));
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int snapshot_map(lua_State *L)
{
	struct ksnap_snapshot *s = snapshot_check(L, 1);
	struct ksnap_err err;
	const struct ksnap_map *map = ksnap_snapshot_map(s, luaL_checkstring(L, 2), &err);

	if (!map)
		return errors_raise(L, &err, NULL);
	map_push(L, 1, map);
	return 1;
}

static int snapshot_var(lua_State *L)
{
	struct ksnap_snapshot *s = snapshot_check(L, 1);
	struct ksnap_value value;
	struct ksnap_err err;

	if (ksnap_snapshot_var(s, luaL_checkstring(L, 2), &value, &err))
		return errors_raise(L, &err, NULL);
	value_push(L, 1, &value);
	return 1;
}

/* snapshot:get(path): a value by its path from the top. */
static int snapshot_get(lua_State *L)
{
	struct ksnap_snapshot *s = snapshot_check(L, 1);
	struct ksnap_value value;
	struct ksnap_err err;

	if (ksnap_snapshot_get(s, luaL_checkstring(L, 2), &value, &err))
		return errors_raise(L, &err, NULL);
	value_push(L, 1, &value);
	return 1;
}

/* The ids of the maps in use, and the name of their object or nil. */
static int snapshot_active_ids(lua_State *L)
{
	struct ksnap_snapshot *s = snapshot_check(L, 1);
	const uint32_t *ids;
	struct ksnap_err err;
	size_t n;

	if (ksnap_snapshot_active(s, &ids, &n, &err))
		return errors_raise(L, &err, NULL);
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		lua_pushinteger(L, ids[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_pushstring(L, ksnap_snapshot_active_obj(s));
	return 2;
}

static int snapshot_active_map(lua_State *L)
{
	struct ksnap_snapshot *s = snapshot_check(L, 1);
	struct ksnap_err err;
	const struct ksnap_map *map = ksnap_snapshot_active_map(s, luaL_checkstring(L, 2), &err);

	if (!map)
		return errors_raise(L, &err, NULL);
	map_push(L, 1, map);
	return 1;
}

static int snapshot_active_var(lua_State *L)
{
	struct ksnap_snapshot *s = snapshot_check(L, 1);
	struct ksnap_value value;
	struct ksnap_err err;

	if (ksnap_snapshot_active_var(s, luaL_checkstring(L, 2), &value, &err))
		return errors_raise(L, &err, NULL);
	value_push(L, 1, &value);
	return 1;
}

static int snapshot_close(lua_State *L)
{
	struct ksnap_snapshot **box = luaL_checkudata(L, 1, SNAPSHOT_MT);

	ksnap_snapshot_close(*box);
	*box = NULL;
	return 0;
}

/* {kind, cause, latency_ns, missed, step}: why it was captured. */
static int snapshot_trigger(lua_State *L)
{
	const msgpack_object *o = object_get(snapshot_root(snapshot_check(L, 1)), "trigger");

	if (o)
		msgpack_push(L, o);
	else
		lua_pushnil(L);
	return 1;
}

/* The hit it follows, as in the report but `old` and `new` as integers; nil when there is none. */
static int snapshot_hit(lua_State *L)
{
	struct ksnap_snapshot *s = snapshot_check(L, 1);
	struct ksnap_hit h;

	if (ksnap_snapshot_hit(s, &h, NULL)) {
		lua_pushnil(L);
		return 1;
	}
	msgpack_push(L, object_get(snapshot_root(s), "hit"));
	if (h.len) {
		lua_pushinteger(L, (lua_Integer)h.old_value);
		lua_setfield(L, -2, "old");
		lua_pushinteger(L, (lua_Integer)h.new_value);
		lua_setfield(L, -2, "new");
	}
	return 1;
}

static const luaL_Reg snapshot_getters[] = {
	{ "tag", snapshot_tag },
	{ "complete", snapshot_complete },
	{ "placeholder", snapshot_placeholder },
	{ "trigger", snapshot_trigger },
	{ "hit", snapshot_hit },
	{ NULL, NULL },
};

static const luaL_Reg snapshot_methods[] = {
	{ "map", snapshot_map },
	{ "maps", snapshot_maps },
	{ "var", snapshot_var },
	{ "get", snapshot_get },
	{ "active_ids", snapshot_active_ids },
	{ "active_map", snapshot_active_map },
	{ "active_var", snapshot_active_var },
	{ "close", snapshot_close },
	{ "__gc", snapshot_close },
	{ "__close", snapshot_close },
	{ NULL, NULL },
};

static const luaL_Reg snapshot_functions[] = { { "open", open_snapshot }, { NULL, NULL } };

/* Methods first, then the getters, whose value is what s.tag gives, then fields of the report. */
static int snapshot_index(lua_State *L)
{
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
		return 1;
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(2)) == LUA_TNIL) {
		if (lua_type(L, 2) == LUA_TSTRING)
			push_field(L, lua_tostring(L, 2));
		return 1; // nil, or what was pushed
	}
	lua_pushvalue(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

/* The module holds the metatables' methods too, so that reading.lua can add to them. */
int luaopen_ksnap_snapshot(lua_State *L)
{
	luaL_newlib(L, snapshot_functions);
	luaL_newmetatable(L, SNAPSHOT_MT);
	luaL_setfuncs(L, snapshot_methods, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, "snapshot");
	lua_pushvalue(L, -1);
	luaL_newlib(L, snapshot_getters);
	lua_pushcclosure(L, snapshot_index, 2);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
	map_register(L); // module, map methods
	lua_setfield(L, -2, "map");
	value_register(L);
	lua_setfield(L, -2, "value");
	return 1;
}
