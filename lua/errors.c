// SPDX-License-Identifier: MIT
/* errors.c - error tables: {code, class, msg, retry, op, where}.
 *
 * The same table is returned (nil, err) for what the outside world does wrong and raised for wrong
 * use; a raised one knows the script's line, found by skipping ksnap's own frames.
 */
#include "base/error.h"
#include "lua/bind.h"

#define ERROR_MT "ksnap.error"

/* The innermost frame of a file: compiled-in chunks have names that begin with '='. */
static void push_where(lua_State *L)
{
	lua_Debug ar;

	for (int level = 0; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.source[0] == '@' && ar.currentline > 0) {
			lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
			return;
		}
	}
	lua_pushnil(L);
}

static void push_fields(lua_State *L, int code, const char *op)
{
	lua_createtable(L, 0, 6);
	lua_pushstring(L, ksnap_err_name(code));
	lua_setfield(L, -2, "code");
	lua_pushstring(L, ksnap_err_class(code));
	lua_setfield(L, -2, "class");
	lua_pushboolean(L, ksnap_err_retry(code));
	lua_setfield(L, -2, "retry");
	lua_pushstring(L, op);
	lua_setfield(L, -2, "op");
	luaL_setmetatable(L, ERROR_MT);
}

void errors_push(lua_State *L, const struct ksnap_err *err, const char *op)
{
	luaL_requiref(L, "ksnap.errors", luaopen_ksnap_errors, 0);
	lua_pop(L, 1);
	push_fields(L, err->code, op);
	lua_pushstring(L, err->text);
	lua_setfield(L, -2, "msg");
}

int errors_return(lua_State *L, const struct ksnap_err *err, const char *op)
{
	lua_pushnil(L);
	errors_push(L, err, op);
	return 2;
}

int errors_raise(lua_State *L, const struct ksnap_err *err, const char *op)
{
	errors_push(L, err, op);
	push_where(L);
	lua_setfield(L, -2, "where");
	return lua_error(L);
}

/* errors.new(code, msg [, op]) -> error table */
static int new_error(lua_State *L)
{
	int code = ksnap_err_code(luaL_checkstring(L, 1));

	luaL_checkstring(L, 2);
	push_fields(L, code, luaL_optstring(L, 3, NULL));
	lua_pushvalue(L, 2);
	lua_setfield(L, -2, "msg");
	return 1;
}

/* errors.raise(code, msg): wrong use by the script, at its file and line */
static int raise_error(lua_State *L)
{
	new_error(L);
	push_where(L);
	lua_setfield(L, -2, "where");
	return lua_error(L);
}

/* errors.is(value) -> whether it is one of ours */
static int is_error(lua_State *L)
{
	int same = 0;

	if (lua_istable(L, 1) && lua_getmetatable(L, 1)) {
		luaL_getmetatable(L, ERROR_MT);
		same = lua_rawequal(L, -1, -2);
	}
	lua_pushboolean(L, same);
	return 1;
}

/* errors.where() -> "file:line" of the script, or nil */
static int where(lua_State *L)
{
	push_where(L);
	return 1;
}

static void add_part(lua_State *L, luaL_Buffer *b, const char *before, const char *field,
		     const char *after)
{
	if (lua_getfield(L, 1, field) == LUA_TNIL) {
		lua_pop(L, 1);
		return;
	}
	luaL_tolstring(L, -1, NULL);
	lua_replace(L, -2);
	lua_pushfstring(L, "%s%s%s", before, lua_tostring(L, -1), after);
	lua_replace(L, -2);
	luaL_addvalue(b);
}

static int error_tostring(lua_State *L)
{
	luaL_Buffer b;

	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_buffinit(L, &b);
	add_part(L, &b, "", "where", ": ");
	add_part(L, &b, "", "code", ": ");
	add_part(L, &b, "", "op", ": ");
	add_part(L, &b, "", "msg", "");
	luaL_pushresult(&b);
	return 1;
}

static const luaL_Reg errors_functions[] = {
	{ "new", new_error }, { "raise", raise_error }, { "is", is_error },
	{ "where", where },   { NULL, NULL },
};

int luaopen_ksnap_errors(lua_State *L)
{
	if (luaL_newmetatable(L, ERROR_MT)) {
		lua_pushcfunction(L, error_tostring);
		lua_setfield(L, -2, "__tostring");
		lua_pushstring(L, ERROR_MT);
		lua_setfield(L, -2, "__name");
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "__metatable");
	}
	luaL_newlib(L, errors_functions);
	return 1;
}
