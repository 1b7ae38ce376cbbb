// SPDX-License-Identifier: MIT
/* tool.c - load a command's module, call the function that it is. */
#include "lua/tool.h"

#include <lualib.h>

#include "base/error.h"
#include "lua/bind.h"

static int write_text(lua_State *L)
{
	const struct lua_tool *t = lua_touserdata(L, lua_upvalueindex(1));
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);

	t->write(text, len);
	return 0;
}

static void push_options(lua_State *L, const struct lua_tool *t)
{
	lua_createtable(L, 0, 4);
	lua_newtable(L);
	for (lua_Integer i = 1; t->files[i - 1]; i++) {
		lua_pushstring(L, t->files[i - 1]);
		lua_rawseti(L, -2, i);
	}
	lua_setfield(L, -2, "files");
	lua_pushstring(L, t->out);
	lua_setfield(L, -2, "out");
	lua_pushboolean(L, t->unsafe);
	lua_setfield(L, -2, "unsafe");
	lua_pushboolean(L, t->editor);
	lua_setfield(L, -2, "editor");
	lua_pushlightuserdata(L, (void *)t);
	lua_pushcclosure(L, write_text, 1);
	lua_setfield(L, -2, "write");
}

static int run_module(lua_State *L)
{
	const struct lua_tool *t = lua_touserdata(L, 1);

	luaL_openlibs(L);
	modules_preload(L);
	lua_getglobal(L, "require");
	lua_pushstring(L, t->module);
	lua_call(L, 1, 1);
	push_options(L, t);
	lua_call(L, 1, 2);
	return 2;
}

static int run_in(lua_State *L, const struct lua_tool *t, struct ksnap_err *err)
{
	int code;

	lua_pushcfunction(L, run_module);
	lua_pushlightuserdata(L, (void *)t);
	if (lua_pcall(L, 1, 2, 0)) {
		err_set(err, KSNAP_E_INTERNAL, "%s", lua_tostring(L, -1));
		return 1;
	}
	code = (int)lua_tointeger(L, -2);
	if (lua_isstring(L, -1))
		err_set(err, code == 2 ? KSNAP_E_ARG : KSNAP_E_STATE, "%s", lua_tostring(L, -1));
	return code;
}

int lua_tool_run(const struct lua_tool *t, struct ksnap_err *err)
{
	lua_State *L = luaL_newstate();
	int code;

	*err = (struct ksnap_err){ 0 };
	if (!L) {
		err_nomem(err);
		return 1;
	}
	code = run_in(L, t, err);
	lua_close(L);
	return code;
}
