// SPDX-License-Identifier: MIT
/* folder.c - what Lua's io cannot: make and remove a folder. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "lua/bind.h"

static int code_of(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return KSNAP_E_NOTFOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return KSNAP_E_DENIED;
	default:
		return KSNAP_E_STATE;
	}
}

static int result(lua_State *L, int rc, const char *what, const char *path)
{
	struct ksnap_err err;

	if (rc == 0) {
		lua_pushboolean(L, true);
		return 1;
	}
	err_errno(&err, code_of(errno), errno, "cannot %s %s", what, path);
	return errors_return(L, &err, NULL);
}

/* folder.make(path) -> true | nil, err */
static int make(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);

	return result(L, mkdir(path, 0755), "make", path);
}

/* folder.remove(path) -> true | nil, err; only an empty one */
static int remove_folder(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);

	return result(L, rmdir(path), "remove", path);
}

/* folder.is(path) -> whether it is one */
static int is_folder(lua_State *L)
{
	struct stat st;

	lua_pushboolean(L, stat(luaL_checkstring(L, 1), &st) == 0 && S_ISDIR(st.st_mode));
	return 1;
}

/* folder.error(errno, text) -> an error table for a failed read or write */
static int error_of(lua_State *L)
{
	struct ksnap_err err;
	int errnum = (int)luaL_optinteger(L, 1, EIO);

	err_errno(&err, code_of(errnum), errnum, "%s", luaL_checkstring(L, 2));
	errors_push(L, &err, NULL);
	return 1;
}

static const luaL_Reg folder_functions[] = {
	{ "make", make }, { "remove", remove_folder }, { "is", is_folder }, { "error", error_of },
	{ NULL, NULL },
};

int luaopen_ksnap_folder(lua_State *L)
{
	luaL_newlib(L, folder_functions);
	return 1;
}
