// SPDX-License-Identifier: MIT
/* lua_module.c - ksnap for plain lua5.4: the same module as a shared object, without a host. */
#include "lua/bind.h"

__attribute__((visibility("default"))) int luaopen_ksnap(lua_State *L);

int luaopen_ksnap(lua_State *L)
{
	modules_preload(L);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	lua_getfield(L, -1, "ksnap");
	lua_pushvalue(L, 1);
	lua_call(L, 1, 1);
	return 1;
}
