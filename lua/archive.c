// SPDX-License-Identifier: MIT
/* archive.c - reports out of files. */
#include "report/archive.h"
#include "base/error.h"
#include "lua/bind.h"

/* archive.load(path [, tag]) -> blob | nil, err */
static int load_report(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1), *tag = luaL_optstring(L, 2, NULL);
	struct ksnap_blob *report = NULL;
	struct ksnap_err err;
	struct archive *a = archive_open(path, &err);
	int rc = a ? archive_load(a, tag, &report, &err) : err.code;

	archive_close(a);
	if (rc)
		return errors_return(L, &err, NULL);
	blob_push(L, report);
	ksnap_blob_unref(report);
	return 1;
}

static const luaL_Reg archive_functions[] = { { "load", load_report }, { NULL, NULL } };

int luaopen_ksnap_archive(lua_State *L)
{
	luaL_newlib(L, archive_functions);
	return 1;
}
