// SPDX-License-Identifier: MIT
/* host.c - a fresh Lua state, one scenario in it, an exit code out of it.
 *
 * All of it runs under one pcall. What a scenario is, and how it is told, is in ksnap/host.lua.
 */
#include <limits.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/bind.h"
#include "lua/host.h"
#include "lua/records.h"

struct host_run {
	const char *path;
	const struct lua_host_opts *opts;
};

static int add_traceback(lua_State *L)
{
	const char *text = luaL_tolstring(L, 1, NULL);

	luaL_traceback(L, L, text, 1);
	return 1;
}

static void push_args(lua_State *L, const struct host_run *run)
{
	const char *const *args = run->opts->args;

	lua_newtable(L);
	lua_pushstring(L, run->path);
	lua_rawseti(L, -2, 0);
	for (lua_Integer i = 1; args && args[i - 1]; i++) {
		lua_pushstring(L, args[i - 1]);
		lua_rawseti(L, -2, i);
	}
}

/* The folder of the running program: in a build tree the built examples are below it. */
static void push_program_dir(lua_State *L)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path));
	const char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;

	if (slash)
		lua_pushlstring(L, path, (size_t)(slash - path));
	else
		lua_pushnil(L);
}

/* Where the script is, without links and dots, so that nothing depends on the current folder. */
static void push_folder(lua_State *L, const char *path)
{
	char real[PATH_MAX];
	const char *slash = realpath(path, real) ? strrchr(real, '/') : NULL;

	if (slash)
		lua_pushlstring(L, real, slash == real ? 1 : (size_t)(slash - real));
	else
		lua_pushliteral(L, "."); // there is no script either
}

/* tell(bytes): one record */
static int tell(lua_State *L)
{
	size_t len;
	const char *bytes = luaL_checklstring(L, 1, &len);

	if (records_send((int)lua_tointeger(L, lua_upvalueindex(1)), bytes, len) < 0)
		return luaL_error(L, "a record of %d bytes cannot be told", (int)len);
	return 0;
}

static void push_run_options(lua_State *L, const struct lua_host_opts *o)
{
	if (o->records) {
		lua_pushinteger(L, o->records);
		lua_pushcclosure(L, tell, 1);
		lua_setfield(L, -2, "tell");
	}
	if (o->seeded) {
		lua_pushinteger(L, o->seed);
		lua_setfield(L, -2, "seed");
	}
	lua_pushstring(L, o->filter);
	lua_setfield(L, -2, "filter");
	lua_pushboolean(L, o->count_losses);
	lua_setfield(L, -2, "count_losses");
}

static void push_options(lua_State *L, const struct host_run *run)
{
	lua_createtable(L, 0, 11);
	push_folder(L, run->path);
	lua_setfield(L, -2, "folder");
	lua_pushboolean(L, run->opts->unsafe);
	lua_setfield(L, -2, "unsafe");
	push_program_dir(L);
	lua_setfield(L, -2, "program_dir");
	lua_pushstring(L, run->opts->endpoint);
	lua_setfield(L, -2, "endpoint");
	lua_pushstring(L, run->opts->bridge);
	lua_setfield(L, -2, "bridge");
	lua_pushinteger(L, run->opts->number ? run->opts->number : 1);
	lua_setfield(L, -2, "number");
	push_args(L, run);
	lua_setfield(L, -2, "args");
	push_run_options(L, run->opts);
}

static int run_script(lua_State *L)
{
	const struct host_run *run = lua_touserdata(L, 1);

	luaL_openlibs(L);
	modules_preload(L);
	client_set_context(L, run->opts->zmq_context);
	notes_use(L, run->opts->notes);
	lua_getglobal(L, "require");
	lua_pushstring(L, "ksnap.host");
	lua_call(L, 1, 1);
	lua_pushstring(L, run->path);
	push_options(L, run);
	lua_call(L, 2, 1);
	return 1;
}

/* Out of memory or time while telling, or a bug of ours: ksnap/host.lua reports whatever a script
 * can do wrong. */
static enum lua_host_exit report_failure(const struct host_run *run, const struct limits *limits,
					 const char *why)
{
	enum lua_host_exit code =
		limits->end == LIMITS_DEADLINE ? LUA_HOST_DEADLINE : LUA_HOST_SCRIPT;
	char text[512];
	int n = snprintf(text, sizeof(text), "%s", why ? why : "an error without words");

	if (why && strcmp(why, "not enough memory") == 0)
		snprintf(text + n, sizeof(text) - n,
			 ": the limit is %llu MiB; --memory MIB changes it",
			 (unsigned long long)limits->opts.memory >> 20);
	if (run->opts->records)
		records_send_failure(run->opts->records, run->path, text, code);
	else
		printf("not ok %u - %s\n", run->opts->number ? run->opts->number : 1, run->path);
	fflush(stdout);
	fprintf(stderr, "ksnap: %s: %s\n", run->path, text);
	return code;
}

static enum lua_host_exit run_in(lua_State *L, struct host_run *run, const struct limits *limits)
{
	lua_pushcfunction(L, add_traceback);
	lua_pushcfunction(L, run_script);
	lua_pushlightuserdata(L, run);
	if (lua_pcall(L, 1, 1, 1))
		return report_failure(run, limits, lua_tostring(L, -1));
	return (enum lua_host_exit)lua_tointeger(L, -1);
}

enum lua_host_exit lua_host_run(const char *path, const struct lua_host_opts *opts)
{
	struct host_run run = { .path = path, .opts = opts };
	struct limits limits;
	lua_State *L = limits_open(&limits, &opts->limits);
	enum lua_host_exit code;

	if (!L)
		return report_failure(&run, &limits, "not enough memory");
	code = run_in(L, &run, &limits);
	lua_close(L);
	fflush(stdout);
	return code;
}
