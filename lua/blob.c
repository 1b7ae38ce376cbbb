// SPDX-License-Identifier: MIT
/* blob.c - immutable bytes that Lua passes on without copying them into a string. */
#include "base/error.h"
#include "lua/bind.h"

#define BLOB_MT "ksnap.blob"

static struct ksnap_blob **blob_box(lua_State *L)
{
	struct ksnap_blob **box = lua_newuserdatauv(L, sizeof(*box), 0);

	*box = NULL;
	luaL_requiref(L, "ksnap.blob", luaopen_ksnap_blob, 0);
	lua_pop(L, 1);
	luaL_setmetatable(L, BLOB_MT);
	return box;
}

void blob_push(lua_State *L, struct ksnap_blob *blob)
{
	struct ksnap_blob **box = blob_box(L);

	*box = ksnap_blob_ref(blob);
}

/* The blob in the box at @idx; a script may have emptied it by calling __gc itself. */
static struct ksnap_blob *unbox(lua_State *L, int idx)
{
	struct ksnap_blob **box = luaL_checkudata(L, idx, BLOB_MT);

	luaL_argcheck(L, *box, idx, "the blob is gone");
	return *box;
}

struct ksnap_blob *blob_check(lua_State *L, int idx)
{
	struct ksnap_blob **box;
	size_t len;
	const char *bytes;

	idx = lua_absindex(L, idx);
	if (lua_type(L, idx) != LUA_TSTRING)
		return unbox(L, idx);
	bytes = lua_tolstring(L, idx, &len);
	box = blob_box(L);
	*box = ksnap_blob_copy(bytes, len);
	if (!*box)
		luaL_error(L, "not enough memory for a blob of %d bytes", (int)len);
	lua_replace(L, idx);
	return *box;
}

static int new_blob(lua_State *L)
{
	blob_check(L, 1);
	lua_settop(L, 1);
	return 1;
}

static int blob_bytes(lua_State *L)
{
	struct ksnap_blob *blob = unbox(L, 1);

	lua_pushlstring(L, ksnap_blob_data(blob), ksnap_blob_size(blob));
	return 1;
}

static int blob_len(lua_State *L)
{
	lua_pushinteger(L, ksnap_blob_size(unbox(L, 1)));
	return 1;
}

static int blob_gc(lua_State *L)
{
	struct ksnap_blob **box = luaL_checkudata(L, 1, BLOB_MT);

	ksnap_blob_unref(*box);
	*box = NULL;
	return 0;
}

static const luaL_Reg blob_methods[] = {
	{ "bytes", blob_bytes }, { "__len", blob_len }, { "__gc", blob_gc }, { NULL, NULL }
};

static const luaL_Reg blob_functions[] = { { "new", new_blob }, { NULL, NULL } };

int luaopen_ksnap_blob(lua_State *L)
{
	if (luaL_newmetatable(L, BLOB_MT)) {
		luaL_setfuncs(L, blob_methods, 0);
		lua_pushvalue(L, -1);
		lua_setfield(L, -2, "__index");
	}
	luaL_newlib(L, blob_functions);
	return 1;
}
