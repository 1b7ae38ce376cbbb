// SPDX-License-Identifier: MIT
/* bench_lua.c - what an op costs in Lua above what it costs in C.
 *
 * Both ask the same broker, one after the other in each of many short rounds, and which goes first
 * takes turns: what disturbs the machine is slower than a round, and its difference leaves it out.
 * What counts is the CPU time of this thread: waiting for the broker is the same for both, and far
 * larger than what is looked for. */
#include <lualib.h>

#include "bench/bench.h"
#include "bench/peer.h"
#include "lua/bind.h"
#include "lua/limits.h"

#define ROUNDS 500
#define TRIPS  200

struct lua_bench {
	struct peer broker;
	struct ksnap_client *client;
	struct limits limits;
	lua_State *L; /* a function(n) that issues the op n times is at index 1 */
	unsigned trips, turns;
};

/* A task of the engine, within limits, as scenarios are. */
static const char script[] =
	"local url, op = ... "
	"local ksnap = require 'ksnap' "
	"local bridge = assert(ksnap.connect(url)) "
	"local make = { ping = function() return bridge:ping() end, "
	"has = function() return bridge:has 't0' end } "
	"return function(n) assert(ksnap.run(function() "
	"for _ = 1, n do if make[op]() == nil then error 'no answer' end end end)) end";

static double cost_us(uint64_t begin, unsigned n)
{
	return (double)(bench_cpu() - begin) / 1e3 / n;
}

static int run_c(struct lua_bench *lb, const char *op, double *ret)
{
	static const char has_t0[] = "\x81\xa3tag\xa2t0";
	KSNAP_OPTS(ksnap_call, call, .op = op);
	uint64_t begin = bench_cpu();

	if (op[0] == 'h') {
		call.params = has_t0;
		call.params_len = sizeof(has_t0) - 1;
	}
	for (unsigned i = 0; i < lb->trips; i++) {
		struct ksnap_err err = { 0 };
		struct ksnap_reply reply;

		if (ksnap_client_call(lb->client, &call, &reply, &err))
			return bench_wrong("%s: %s", op, err.text);
		ksnap_reply_clear(&reply);
	}
	*ret = cost_us(begin, lb->trips);
	return 0;
}

static int run_lua(struct lua_bench *lb, double *ret)
{
	uint64_t begin = bench_cpu();

	lua_pushvalue(lb->L, 1);
	lua_pushinteger(lb->L, lb->trips);
	if (lua_pcall(lb->L, 1, 0, 0))
		return bench_wrong("%s", lua_tostring(lb->L, -1));
	*ret = cost_us(begin, lb->trips);
	return 0;
}

static int load(struct lua_bench *lb, const char *op)
{
	const struct limits_opts opts = { .deadline_ms = 600000 };

	lb->L = limits_open(&lb->limits, &opts);
	if (!lb->L)
		return bench_wrong("no memory");
	luaL_openlibs(lb->L);
	modules_preload(lb->L);
	lua_settop(lb->L, 0);
	if (luaL_loadstring(lb->L, script))
		return bench_wrong("%s", lua_tostring(lb->L, -1));
	lua_pushstring(lb->L, lb->broker.endpoint);
	lua_pushstring(lb->L, op);
	if (lua_pcall(lb->L, 2, 1, 0))
		return bench_wrong("%s", lua_tostring(lb->L, -1));
	return 0;
}

static int above_c(struct lua_bench *lb, const char *op, double *ret)
{
	double c = 0, in_lua = 0;

	if (lb->turns++ % 2 ? run_lua(lb, &in_lua) || run_c(lb, op, &c)
			    : run_c(lb, op, &c) || run_lua(lb, &in_lua))
		return -1;
	*ret = in_lua - c;
	return 0;
}

static int ping_above_c(void *arg, double *ret)
{
	return above_c(arg, "ping", ret);
}

static int has_above_c(void *arg, double *ret)
{
	return above_c(arg, "has", ret);
}

static int measure(struct bench *b, struct lua_bench *lb, const char *op, bench_fn run)
{
	char path[64];
	struct bench_case c = { .path = path,
				.floor = "limit",
				.unit = "us",
				.goal = 1,
				.run = run,
				.constant = 5,
				.rounds = ROUNDS,
				.warm_up = ROUNDS / 20,
				.is_short = true,
				.arg = lb };

	snprintf(path, sizeof(path), "%s in Lua, above C", op);
	if (load(lb, op))
		return -1;
	bench_run(b, &c);
	lua_close(lb->L);
	return 0;
}

int main(int argc, char **argv)
{
	struct bench *b = bench_begin(argc, argv, "bench_lua");
	const char *dir = b ? peer_folder() : NULL;
	struct lua_bench lb = { .trips = b && bench_is_quick(b) ? 20 : TRIPS };
	struct ksnap_err err = { 0 };
	char urls[3][128];

	if (!dir)
		return 2;
	for (int i = 0; i < 3; i++)
		snprintf(urls[i], sizeof(urls[i]), "ipc://%s/%d", dir, i);
	bench_params(b, "CPU of the caller, %u ops a round in C and as many in Lua", lb.trips);
	if (peer_broker(&lb.broker, urls[0], urls[1], urls[2]))
		return 1;
	lb.client = ksnap_client_connect(lb.broker.endpoint, NULL, &err);
	if (!lb.client)
		return bench_wrong("connect: %s", err.text) ? 1 : 0;
	if (measure(b, &lb, "ping", ping_above_c) || measure(b, &lb, "has", has_above_c))
		return 1;
	ksnap_client_destroy(lb.client);
	peer_stop(&lb.broker);
	return bench_end(b);
}
