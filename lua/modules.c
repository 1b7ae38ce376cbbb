// SPDX-License-Identifier: MIT
/* modules.c - what `require` finds without a file: the C openers and the compiled-in Lua files. */
#include "base/cleanup.h"
#include "lua/bind.h"
#include "lua/limits.h"
#include "lua/notes.h"

struct lua_source {
	const char *name, *text;
	size_t len;
};

#include "lua/modules.inc"

static const luaL_Reg openers[] = {
	{ "ksnap.archive", luaopen_ksnap_archive },   { "ksnap.diff", luaopen_ksnap_diff },
	{ "ksnap.errors", luaopen_ksnap_errors },     { "ksnap.blob", luaopen_ksnap_blob },
	{ "ksnap.msgpack", luaopen_ksnap_msgpack },   { "ksnap.client", luaopen_ksnap_client },
	{ "ksnap.folder", luaopen_ksnap_folder },     { "ksnap.process", luaopen_ksnap_process },
	{ "ksnap.snapshot", luaopen_ksnap_snapshot }, { "ksnap.clock", luaopen_ksnap_clock },
	{ "ksnap.limits", luaopen_ksnap_limits },     { "ksnap.notes", luaopen_ksnap_notes },
};

/* Loader of a compiled-in file; its place in the table is the upvalue. */
static int load_source(lua_State *L)
{
	const struct lua_source *s = &lua_sources[lua_tointeger(L, lua_upvalueindex(1))];

	lua_pushfstring(L, "=%s", s->name);
	if (luaL_loadbufferx(L, s->text, s->len, lua_tostring(L, -1), "t"))
		return lua_error(L);
	lua_pushstring(L, s->name);
	lua_call(L, 1, 1);
	return 1;
}

void modules_preload(lua_State *L)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
		lua_pushcfunction(L, openers[i].func);
		lua_setfield(L, -2, openers[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(lua_sources); i++) {
		lua_pushinteger(L, (lua_Integer)i);
		lua_pushcclosure(L, load_source, 1);
		lua_setfield(L, -2, lua_sources[i].name);
	}
	lua_pop(L, 1);
}
