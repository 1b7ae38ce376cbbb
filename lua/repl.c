// SPDX-License-Identifier: MIT
/* repl.c - ksnap/repl.lua with all libraries, and limits for the sake of Ctrl-C. */
#include "lua/repl.h"

#include <lualib.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "lua/bind.h"

#define MEMORY (4ull << 30)

struct lua_repl {
	struct limits limits;
	lua_State *L; /* the module is at 1 */
	struct lua_host_opts opts;
};

static int start(lua_State *L)
{
	const struct lua_repl *r = lua_touserdata(L, 1);

	luaL_openlibs(L);
	modules_preload(L);
	client_set_context(L, r->opts.zmq_context);
	lua_getglobal(L, "require");
	lua_pushliteral(L, "ksnap.repl");
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "start");
	lua_createtable(L, 0, 3);
	lua_pushstring(L, r->opts.endpoint);
	lua_setfield(L, -2, "endpoint");
	lua_pushstring(L, r->opts.bridge);
	lua_setfield(L, -2, "bridge");
	if (r->opts.timeout_ms) {
		lua_pushinteger(L, r->opts.timeout_ms);
		lua_setfield(L, -2, "timeout_ms");
	}
	lua_call(L, 1, 2);
	if (lua_toboolean(L, -2)) {
		lua_settop(L, 2);
		return 1;
	}
	luaL_tolstring(L, -1, NULL);
	return lua_error(L);
}

static int start_in(struct lua_repl *r, struct ksnap_err *err)
{
	struct limits_opts limits = { .memory = MEMORY };

	r->L = limits_open(&r->limits, &limits);
	if (!r->L)
		return err_nomem(err);
	lua_pushcfunction(r->L, start);
	lua_pushlightuserdata(r->L, r);
	if (lua_pcall(r->L, 1, 1, 0))
		return err_set(err, KSNAP_E_UNREACHABLE, "%s", lua_tostring(r->L, -1));
	return 0;
}

struct lua_repl *lua_repl_create(const struct lua_host_opts *opts, struct ksnap_err *err)
{
	struct lua_repl *r = calloc(1, sizeof(*r));

	if (!r) {
		err_nomem(err);
		return NULL;
	}
	r->opts = *opts;
	if (start_in(r, err) == 0)
		return r;
	if (r->L)
		lua_close(r->L);
	free(r);
	return NULL;
}

/* Call a function of the module with @text (NULL: none); results stay on the stack from 2 on. */
static void call(struct lua_repl *r, const char *function, const char *text, int results)
{
	lua_settop(r->L, 1);
	lua_getfield(r->L, 1, function);
	lua_pushstring(r->L, text);
	if (lua_pcall(r->L, 1, results, 0)) {
		log_error("%s", lua_tostring(r->L, -1));
		lua_settop(r->L, 1);
	}
}

void lua_repl_destroy(struct lua_repl *r)
{
	if (!r)
		return;
	limits_forget_stop();
	call(r, "stop", NULL, 0);
	lua_close(r->L);
	free(r);
}

bool lua_repl_line(struct lua_repl *r, const char *line)
{
	limits_forget_stop();
	call(r, "line", line, 1);
	return lua_toboolean(r->L, 2);
}

void lua_repl_forget(struct lua_repl *r)
{
	call(r, "forget", NULL, 0);
}

void lua_repl_complete(struct lua_repl *r, const char *text, const char **ret_add,
		       const char **ret_names)
{
	call(r, "complete", text, 2);
	*ret_add = lua_isstring(r->L, 2) ? lua_tostring(r->L, 2) : "";
	*ret_names = lua_isstring(r->L, 3) ? lua_tostring(r->L, 3) : "";
}
