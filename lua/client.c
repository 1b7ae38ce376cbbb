// SPDX-License-Identifier: MIT
/* client.c - a connection to a broker: call(op, params, opts) -> value, blobs | nil, err.
 *
 * All that a call acquires lives in the client's box, so that a Lua error in the middle of building
 * the result leaks nothing; the next call, or the collector, clears it.
 */
#include "client/client.h"
#include "base/error.h"
#include "base/limits.h"
#include "lua/bind.h"
#include "lua/limits.h"

#define CLIENT_MT "ksnap.client"

struct client_box {
	struct ksnap_client *c;   /* NULL before connect and after close */
	struct ksnap_reply reply; /* of the call at hand */
	struct buf params;        /* of the call at hand, encoded */
};

static const char context_key; /* its address names the context in the registry */

void client_set_context(lua_State *L, void *zmq_context)
{
	lua_pushlightuserdata(L, zmq_context);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &context_key);
}

static void *shared_context(lua_State *L)
{
	void *context;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &context_key);
	context = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return context;
}

static struct client_box *client_check(lua_State *L)
{
	struct client_box *box = luaL_checkudata(L, 1, CLIENT_MT);
	struct ksnap_err err;

	if (!box->c) {
		err_set(&err, KSNAP_E_STATE, "the connection is closed");
		errors_raise(L, &err, NULL);
	}
	return box;
}

static const char *opt_string(lua_State *L, int idx, const char *field)
{
	const char *s = NULL;

	if (lua_istable(L, idx)) {
		lua_getfield(L, idx, field);
		s = luaL_optstring(L, -1, NULL);
		lua_pop(L, 1); // the table still holds it
	}
	return s;
}

static unsigned opt_unsigned(lua_State *L, int idx, const char *field)
{
	lua_Integer n = 0;

	if (lua_istable(L, idx)) {
		lua_getfield(L, idx, field);
		n = luaL_optinteger(L, -1, 0);
		lua_pop(L, 1);
	}
	return n > 0 ? (unsigned)n : 0;
}

/* An op does not outlive the script that waits for it. */
static bool is_over(void *limits)
{
	return limits_are_over(limits);
}

/* client.connect([url [, {name, kind, bridge, timeout_ms, server_key, key_file}]]) -> client |
 * nil, err */
static int connect_client(lua_State *L)
{
	const char *url = luaL_optstring(L, 1, NULL);
	KSNAP_OPTS(ksnap_connect_opts, opts, .name = opt_string(L, 2, "name"),
		   .kind = opt_string(L, 2, "kind"), .bridge = opt_string(L, 2, "bridge"),
		   .timeout_ms = opt_unsigned(L, 2, "timeout_ms"), .zmq_context = shared_context(L),
		   .server_key = opt_string(L, 2, "server_key"),
		   .key_file = opt_string(L, 2, "key_file"));
	struct client_box *box = lua_newuserdatauv(L, sizeof(*box), 0);
	struct ksnap_err err;

	*box = (struct client_box){ 0 };
	luaL_setmetatable(L, CLIENT_MT);
	box->c = ksnap_client_connect(url, &opts, &err);
	if (!box->c)
		return errors_return(L, &err, "hello");
	if (limits_of(L))
		client_set_stop(box->c, is_over, limits_of(L));
	return 1;
}

static void push_reply_blobs(lua_State *L, const struct ksnap_reply *reply)
{
	lua_createtable(L, (int)reply->nblobs, 0);
	for (size_t i = 0; i < reply->nblobs; i++) {
		blob_push(L, reply->blobs[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/* Push the result and the list of blobs, nil when there are none and it need not be; or fail with
 * nothing pushed. */
static int push_reply(lua_State *L, const struct ksnap_reply *reply, bool always_blobs,
		      struct ksnap_err *err)
{
	int rc = 0;

	if (!reply->r)
		lua_pushnil(L);
	else
		rc = msgpack_decode(L, reply->r, reply->r_len, err);
	if (rc)
		return rc;
	if (reply->nblobs || always_blobs)
		push_reply_blobs(L, reply);
	else
		lua_pushnil(L);
	return 0;
}

/* Push the list {{r, blobs}, ...} of all parts. */
static int push_parts(lua_State *L, struct client_box *box, struct ksnap_err *err)
{
	bool more = true;
	int rc;

	lua_newtable(L);
	for (lua_Integer i = 1; more; i++) {
		lua_createtable(L, 0, 2);
		rc = push_reply(L, &box->reply, true, err); // list, part, r, blobs
		if (rc)
			return rc;
		lua_setfield(L, -3, "blobs");
		lua_setfield(L, -2, "r");
		lua_rawseti(L, -2, i);
		more = box->reply.more;
		ksnap_reply_clear(&box->reply);
		rc = more ? ksnap_client_next(box->c, &box->reply, err) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

/* Blobs at field `blobs` of the options; they stay referenced by the table put on the stack. */
static void read_blobs(lua_State *L, int idx, struct ksnap_call *call)
{
	size_t n;

	if (!lua_istable(L, idx) || lua_getfield(L, idx, "blobs") != LUA_TTABLE)
		return;
	n = lua_rawlen(L, -1);
	luaL_argcheck(L, n <= sizeof(call->blobs) / sizeof(call->blobs[0]), idx, "at most 4 blobs");
	for (size_t i = 0; i < n; i++) {
		lua_rawgeti(L, -1 - (int)i, (lua_Integer)i + 1);
		call->blobs[i] = blob_check(L, -1);
	}
	call->nblobs = n; // the blobs stay on the stack during the call
}

/* The params at @idx, encoded; they stay valid until the next call. */
static void read_params(lua_State *L, int idx, struct client_box *box, struct ksnap_call *call)
{
	if (lua_isnil(L, idx))
		return;
	buf_clear(&box->params);
	msgpack_encode(L, idx, &box->params);
	call->params = box->params.data;
	call->params_len = box->params.len;
}

/* Raises when the script is to end while the answer is awaited.
 * c:call(op, params, {bridge, timeout_ms, blobs, parts}) -> r, blobs | {{r, blobs}, ...} | nil, err
 * Without parts `blobs` is nil when there are none. */
static int client_call(lua_State *L)
{
	struct client_box *box = client_check(L);
	KSNAP_OPTS(ksnap_call, call, .op = luaL_checkstring(L, 2),
		   .bridge = opt_string(L, 4, "bridge"),
		   .timeout_ms = opt_unsigned(L, 4, "timeout_ms"));
	struct ksnap_err err;
	bool parts = false;
	int rc;

	lua_settop(L, 4);
	if (lua_istable(L, 4)) {
		lua_getfield(L, 4, "parts");
		parts = lua_toboolean(L, -1);
	}
	if (limits_of(L))
		call.timeout_ms =
			limits_cap_ms(limits_of(L), call.timeout_ms ? call.timeout_ms
								    : LIMIT_DEFAULT_DEADLINE_MS);
	read_params(L, 3, box, &call);
	read_blobs(L, 4, &call);
	ksnap_reply_clear(&box->reply);
	rc = ksnap_client_call(box->c, &call, &box->reply, &err);
	if (!rc)
		rc = parts ? push_parts(L, box, &err) : push_reply(L, &box->reply, false, &err);
	ksnap_reply_clear(&box->reply);
	if (!rc)
		return parts ? 1 : 2;
	limits_check(L);
	return errors_return(L, &err, call.op);
}

static int client_endpoint(lua_State *L)
{
	lua_pushstring(L, ksnap_client_endpoint(client_check(L)->c));
	return 1;
}

/* c:heartbeat_ms() -> how often the broker wants to hear from a client that owns something */
static int client_heartbeat(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)client_heartbeat_ms(client_check(L)->c));
	return 1;
}

static int client_close(lua_State *L)
{
	struct client_box *box = luaL_checkudata(L, 1, CLIENT_MT);

	ksnap_reply_clear(&box->reply);
	ksnap_client_destroy(box->c);
	buf_fini(&box->params);
	box->c = NULL;
	return 0;
}

static const luaL_Reg client_methods[] = {
	{ "call", client_call },
	{ "endpoint", client_endpoint },
	{ "heartbeat_ms", client_heartbeat },
	{ "close", client_close },
	{ "__gc", client_close },
	{ "__close", client_close },
	{ NULL, NULL },
};

static const luaL_Reg client_functions[] = { { "connect", connect_client }, { NULL, NULL } };

int luaopen_ksnap_client(lua_State *L)
{
	if (luaL_newmetatable(L, CLIENT_MT)) {
		luaL_setfuncs(L, client_methods, 0);
		lua_pushvalue(L, -1);
		lua_setfield(L, -2, "__index");
	}
	luaL_newlib(L, client_functions);
	return 1;
}
