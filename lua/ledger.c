// SPDX-License-Identifier: MIT
/* ledger.c - ksnap/ledger.lua in a state of its own, where no script runs. */
#include "lua/ledger.h"

#include <lualib.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "lua/bind.h"

struct ledger {
	lua_State *L; /* the ledger's table is at 1 */
	struct ledger_opts opts;
	bool broken;
};

struct entry { /* one call of a method, within pcall */
	struct ledger *ledger;
	const char *method;
	size_t which; /* 0: none */
	const void *data;
	size_t len;
	int code;
	const char *why;
};

static int write_text(lua_State *L)
{
	const struct ledger *l = lua_touserdata(L, lua_upvalueindex(1));
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);

	l->opts.write(text, len);
	return 0;
}

static int draw_progress(lua_State *L)
{
	const struct ledger *l = lua_touserdata(L, lua_upvalueindex(1));

	l->opts.progress(luaL_checkstring(L, 1));
	return 0;
}

static void push_files(lua_State *L, const char *const *files)
{
	lua_newtable(L);
	for (lua_Integer i = 1; files[i - 1]; i++) {
		lua_pushstring(L, files[i - 1]);
		lua_rawseti(L, -2, i);
	}
}

static void push_opts(lua_State *L, struct ledger *l)
{
	lua_createtable(L, 0, 6);
	push_files(L, l->opts.files);
	lua_setfield(L, -2, "files");
	lua_pushstring(L, l->opts.out);
	lua_setfield(L, -2, "out");
	lua_pushinteger(L, l->opts.seed);
	lua_setfield(L, -2, "seed");
	lua_pushstring(L, ksnap_version());
	lua_setfield(L, -2, "version");
	lua_pushlightuserdata(L, l);
	lua_pushcclosure(L, write_text, 1);
	lua_setfield(L, -2, "write");
	if (!l->opts.progress)
		return;
	lua_pushlightuserdata(L, l);
	lua_pushcclosure(L, draw_progress, 1);
	lua_setfield(L, -2, "progress");
}

static int make_ledger(lua_State *L)
{
	struct ledger *l = lua_touserdata(L, 1);

	luaL_openlibs(L);
	modules_preload(L);
	lua_getglobal(L, "require");
	lua_pushliteral(L, "ksnap.ledger");
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "new");
	push_opts(L, l);
	lua_call(L, 1, 1);
	return 1;
}

struct ledger *ledger_create(const struct ledger_opts *opts, struct ksnap_err *err)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (l)
		l->L = luaL_newstate();
	if (!l || !l->L) {
		free(l);
		err_nomem(err);
		return NULL;
	}
	l->opts = *opts;
	lua_pushcfunction(l->L, make_ledger);
	lua_pushlightuserdata(l->L, l);
	if (lua_pcall(l->L, 1, 1, 0)) {
		err_set(err, KSNAP_E_INTERNAL, "%s", lua_tostring(l->L, -1));
		ledger_destroy(l);
		return NULL;
	}
	return l;
}

void ledger_destroy(struct ledger *l)
{
	if (l)
		lua_close(l->L);
	free(l);
}

/* ledger, entry -> results of the method */
static int call_method(lua_State *L)
{
	const struct entry *e = lua_touserdata(L, 2);
	struct ksnap_err err;

	lua_getfield(L, 1, e->method);
	lua_pushvalue(L, 1);
	if (e->which)
		lua_pushinteger(L, (lua_Integer)e->which);
	if (e->data && msgpack_decode(L, e->data, e->len, &err))
		return luaL_error(L, "a record that cannot be read: %s", err.text);
	if (e->code >= 0)
		lua_pushinteger(L, e->code);
	lua_pushstring(L, e->why);
	lua_call(L, lua_gettop(L) - 3, LUA_MULTRET);
	return lua_gettop(L) - 2;
}

/* The results stay on the stack above the ledger; their number, or -1. */
static int call_entry(struct ledger *l, const struct entry *e)
{
	lua_settop(l->L, 1);
	lua_pushcfunction(l->L, call_method);
	lua_pushvalue(l->L, 1);
	lua_pushlightuserdata(l->L, (void *)e);
	if (!lua_pcall(l->L, 2, LUA_MULTRET, 0))
		return lua_gettop(l->L) - 1;
	if (!l->broken)
		log_error("the run's books are not complete: %s", lua_tostring(l->L, -1));
	l->broken = true;
	return -1;
}

void ledger_began(struct ledger *l, size_t which)
{
	struct entry e = { .method = "began", .which = which, .code = -1 };

	call_entry(l, &e);
}

void ledger_record(struct ledger *l, size_t which, const void *data, size_t len)
{
	struct entry e = {
		.method = "record", .which = which, .data = data, .len = len, .code = -1
	};

	call_entry(l, &e);
}

void ledger_ended(struct ledger *l, size_t which, int code, const char *why)
{
	struct entry e = { .method = "ended", .which = which, .code = code, .why = why };

	call_entry(l, &e);
}

void ledger_tick(struct ledger *l)
{
	struct entry e = { .method = "tick", .code = -1 };

	call_entry(l, &e);
}

int ledger_worst(struct ledger *l)
{
	struct entry e = { .method = "worst", .code = -1 };
	int worst = call_entry(l, &e) > 0 ? (int)lua_tointeger(l->L, 2) : 1;

	return worst == 0 && l->broken ? 1 : worst;
}

int ledger_finish(struct ledger *l, const char *bail, struct ledger_documents *ret,
		  struct ksnap_err *err)
{
	struct entry e = { .method = "finish", .code = -1, .why = bail };

	*ret = (struct ledger_documents){ 0 };
	if (call_entry(l, &e) < 2)
		return err_set(err, KSNAP_E_INTERNAL, "the run's books cannot be closed");
	ret->json = lua_tolstring(l->L, 2, &ret->json_len);
	ret->junit = lua_tolstring(l->L, 3, &ret->junit_len);
	return 0;
}
