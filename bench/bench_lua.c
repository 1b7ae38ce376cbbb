// SPDX-License-Identifier: MIT
/* bench_lua.c - what an op costs in Lua above what it costs in C, measured in two ways.
 *
 * Both count the CPU time of the caller. With answers that are ready (ready.h) no wait is in it: it
 * is all its own work. Through ipc:// it is what a script has, with waits, and with another process
 * at work between two ops. C and Lua share one thread of libzmq there: to be woken by a thread of
 * one's own costs as much as the place of that thread makes it, and more than what is looked for.
 *
 * Before a row is measured, C takes the place of Lua, as it is and with a microsecond more: these
 * have to come out as 0 and 1, or the row is not measured. */
#include <lualib.h>
#include <math.h>
#include <stdlib.h>
#include <zmq.h>

#include "bench/bench.h"
#include "bench/peer.h"
#include "bench/ready.h"
#include "bench/verdict.h"
#include "lua/bind.h"
#include "lua/limits.h"

#define ROUNDS   500
#define GOAL_US  5
#define DOUBT_US 0.5 /* what C in the place of Lua may be off, a tenth of the goal */

struct caller { /* in C */
	struct ready broker;
	struct ksnap_client *client;
};

struct lua_bench {
	struct peer peer;
	void *context;
	const char *op;
	bool is_ready; /* or through ipc */
	unsigned trips, turns;
	struct caller c, other; /* @other takes the place of Lua */
	double more_us;         /* what it does besides */
	struct ready broker;    /* of Lua */
	struct limits limits;
	lua_State *L; /* at 1 and 2: alone and by_turns of the script */
};

/* A task of the engine, within limits, as scenarios are. */
static const char script[] =
	"local url, op, trip, clock = ... "
	"local ksnap = require 'ksnap' "
	"local bridge = assert(ksnap.connect(url)) "
	"local ops = { ping = function() return bridge:ping() end, "
	"has = function() return bridge:has 't0' end } "
	"local own, in_c = ops[op], function() return trip(true) end "
	"local function alone(n) assert(ksnap.run(function() "
	"for _ = 1, n do if own() == nil then error 'no answer' end end end)) end "
	"local function by_turns(n, is_in_c) "
	"local fn, its, c = is_in_c and in_c or own, 0, 0 "
	"assert(ksnap.run(function() for _ = 1, n do "
	"local begin = clock() "
	"if fn() == nil then error 'no answer' end "
	"local middle = clock() "
	"trip(false) "
	"its, c = its + middle - begin, c + clock() - middle "
	"end end)) return its, c end "
	"return alone, by_turns";

static const char has_t0[] = "\x81\xa3tag\xa2t0";

/* ---- in C ---------------------------------------------------------------------------------- */

static struct ksnap_call make_call(const struct lua_bench *lb)
{
	KSNAP_OPTS(ksnap_call, call, .op = lb->op);

	if (lb->op[0] == 'h') {
		call.params = has_t0;
		call.params_len = sizeof(has_t0) - 1;
	}
	return call;
}

static void spend(double us)
{
	uint64_t until = bench_now() + (uint64_t)(us * 1e3);

	while (bench_now() < until)
		;
}

static int trip(const struct lua_bench *lb, const struct ksnap_call *call, bool is_other)
{
	struct ksnap_err err = { 0 };
	struct ksnap_reply reply;

	if (ksnap_client_call(is_other ? lb->other.client : lb->c.client, call, &reply, &err))
		return bench_wrong("%s: %s", lb->op, err.text);
	ksnap_reply_clear(&reply);
	if (is_other && lb->more_us > 0)
		spend(lb->more_us);
	return 0;
}

static double cost_us(uint64_t begin, unsigned n)
{
	return (double)(bench_cpu() - begin) / 1e3 / n;
}

static int run_c(struct lua_bench *lb, bool is_other, double *ret)
{
	struct ready *broker = is_other ? &lb->other.broker : &lb->c.broker;
	struct ksnap_call call = make_call(lb);
	uint64_t begin;

	if (ready_put(broker, lb->trips))
		return -1;
	begin = bench_cpu();
	for (unsigned i = 0; i < lb->trips; i++)
		if (trip(lb, &call, is_other))
			return -1;
	*ret = cost_us(begin, lb->trips);
	return ready_take(broker, lb->trips);
}

/* ---- in Lua -------------------------------------------------------------------------------- */

static int run_lua(struct lua_bench *lb, double *ret)
{
	uint64_t begin;

	if (ready_put(&lb->broker, lb->trips))
		return -1;
	begin = bench_cpu();
	lua_pushvalue(lb->L, 1);
	lua_pushinteger(lb->L, lb->trips);
	if (lua_pcall(lb->L, 1, 0, 0))
		return bench_wrong("%s", lua_tostring(lb->L, -1));
	*ret = cost_us(begin, lb->trips);
	return ready_take(&lb->broker, lb->trips);
}

/* trip(is_other) -> true */
static int lua_trip(lua_State *L)
{
	const struct lua_bench *lb = lua_touserdata(L, lua_upvalueindex(1));
	struct ksnap_call call = make_call(lb);

	if (trip(lb, &call, lua_toboolean(L, 1)))
		return luaL_error(L, "an op in C failed");
	lua_pushboolean(L, true);
	return 1;
}

static int lua_clock(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)bench_cpu());
	return 1;
}

static int load(struct lua_bench *lb, const char *url)
{
	const struct limits_opts opts = { .deadline_ms = 600000 };

	lb->L = limits_open(&lb->limits, &opts);
	if (!lb->L)
		return bench_wrong("no memory");
	luaL_openlibs(lb->L);
	modules_preload(lb->L);
	client_set_context(lb->L, lb->context);
	lua_settop(lb->L, 0);
	if (luaL_loadstring(lb->L, script))
		return bench_wrong("%s", lua_tostring(lb->L, -1));
	lua_pushstring(lb->L, url);
	lua_pushstring(lb->L, lb->op);
	lua_pushlightuserdata(lb->L, lb);
	lua_pushcclosure(lb->L, lua_trip, 1);
	lua_pushcfunction(lb->L, lua_clock);
	if (lua_pcall(lb->L, 4, 2, 0))
		return bench_wrong("%s", lua_tostring(lb->L, -1));
	return 0;
}

/* ---- one above the other ------------------------------------------------------------------- */

/* A batch in C and one in Lua, which goes first takes turns. */
static int above_in_batches(struct lua_bench *lb, bool is_in_c, double *ret)
{
	bool is_first = lb->turns++ % 2;
	double c = 0, its = 0;

	if (!is_first && run_c(lb, false, &c))
		return -1;
	if (is_in_c ? run_c(lb, true, &its) : run_lua(lb, &its))
		return -1;
	if (is_first && run_c(lb, false, &c))
		return -1;
	*ret = its - c;
	return 0;
}

/* After each op in Lua comes one in C. */
static int above_by_turns(struct lua_bench *lb, bool is_in_c, double *ret)
{
	lua_pushvalue(lb->L, 2);
	lua_pushinteger(lb->L, lb->trips);
	lua_pushboolean(lb->L, is_in_c);
	if (lua_pcall(lb->L, 2, 2, 0))
		return bench_wrong("%s", lua_tostring(lb->L, -1));
	*ret = (lua_tonumber(lb->L, -2) - lua_tonumber(lb->L, -1)) / 1e3 / lb->trips;
	lua_pop(lb->L, 2);
	return 0;
}

static int above_c(struct lua_bench *lb, bool is_in_c, double *ret)
{
	return lb->is_ready ? above_in_batches(lb, is_in_c, ret) : above_by_turns(lb, is_in_c, ret);
}

static int lua_above_c(void *arg, double *ret)
{
	return above_c(arg, false, ret);
}

/* Whether it can tell no difference and one of a microsecond. 1: it can; 0: it cannot, and says so;
 * -1: the books are wrong. */
static int control(struct bench *b, struct lua_bench *lb, double more_us)
{
	unsigned n = bench_rounds(b, ROUNDS);
	double *rounds = calloc(n, sizeof(*rounds)), low, high, median;
	int rc = rounds ? 0 : bench_wrong("no memory");

	lb->more_us = more_us;
	for (unsigned i = 0; i < n && !rc; i++)
		rc = above_c(lb, true, &rounds[i]);
	if (rc || bench_is_quick(b) || !verdict_median_interval(rounds, n, &low, &high)) {
		free(rounds);
		return rc ? rc : 1;
	}
	median = bench_quantile(rounds, n, 0.5);
	free(rounds);
	bench_note(b, "%s in C and %g us, above C: %.2f us [%.2f..%.2f]", lb->op, more_us, median,
		   low, high);
	return fabs(median - more_us) <= DOUBT_US;
}

static int measure_row(struct bench *b, struct lua_bench *lb)
{
	char path[64];
	struct bench_case c = { .path = path,
				.floor = "limit",
				.unit = "us",
				.goal = 1,
				.run = lua_above_c,
				.constant = GOAL_US,
				.rounds = ROUNDS,
				.warm_up = ROUNDS / 20,
				.is_short = true,
				.arg = lb };
	int none, one;

	snprintf(path, sizeof(path), "%s in Lua, above C, %s", lb->op,
		 lb->is_ready ? "ready" : "ipc");
	if (!bench_wants(b, path))
		return 0;
	none = control(b, lb, 0);
	one = none < 0 ? none : control(b, lb, 1);
	if (one < 0)
		return -1;
	if (none && one)
		bench_run(b, &c);
	else
		bench_skip(b, "%s: C in its place is off by more than %g us here", path, DOUBT_US);
	return 0;
}

/* ---- brokers and clients ------------------------------------------------------------------- */

/* What a client connects to. */
static const char *open_broker(struct lua_bench *lb, struct ready *r, const char *url)
{
	if (!lb->is_ready)
		return lb->peer.endpoint;
	return ready_open(r, lb->context, url, lb->peer.endpoint) ? NULL : url;
}

static int is_open(struct lua_bench *lb, struct ready *r)
{
	struct ksnap_call call = make_call(lb);

	if (!lb->is_ready)
		return 0;
	return ready_greeted(r) || ready_learn(r, lb->op, call.params, call.params_len) ? -1 : 0;
}

static int connect_caller(struct lua_bench *lb, struct caller *who, const char *name)
{
	KSNAP_OPTS(ksnap_connect_opts, opts, .zmq_context = lb->context);
	const char *url = open_broker(lb, &who->broker, name);
	struct ksnap_err err = { 0 };

	if (!url)
		return -1;
	who->client = ksnap_client_connect(url, &opts, &err);
	return who->client ? is_open(lb, &who->broker) : bench_wrong("connect: %s", err.text);
}

static int connect_lua(struct lua_bench *lb)
{
	const char *url = open_broker(lb, &lb->broker, "inproc://lua");

	return url && !load(lb, url) ? is_open(lb, &lb->broker) : -1;
}

static void close_all(struct lua_bench *lb)
{
	if (lb->L)
		lua_close(lb->L);
	ksnap_client_destroy(lb->c.client);
	ksnap_client_destroy(lb->other.client);
	ready_close(&lb->broker);
	ready_close(&lb->c.broker);
	ready_close(&lb->other.broker);
	zmq_ctx_term(lb->context);
}

static int measure(struct bench *b, struct lua_bench lb)
{
	int rc;

	lb.context = zmq_ctx_new();
	rc = connect_caller(&lb, &lb.c, "inproc://c") ||
			     connect_caller(&lb, &lb.other, "inproc://other") || connect_lua(&lb)
		     ? -1
		     : measure_row(b, &lb);
	close_all(&lb);
	return rc;
}

static int measure_both(struct bench *b, struct lua_bench lb)
{
	lb.op = "ping";
	if (measure(b, lb))
		return -1;
	lb.op = "has";
	return measure(b, lb);
}

int main(int argc, char **argv)
{
	struct bench *b = bench_begin(argc, argv, "bench_lua");
	const char *dir = b ? peer_folder() : NULL;
	static const char *const names[] = { "control", "live", "work" };
	struct lua_bench lb = { .is_ready = true };
	char urls[3][128];
	int rc;

	if (!dir)
		return 2;
	for (int i = 0; i < 3; i++)
		snprintf(urls[i], sizeof(urls[i]), "ipc://%s/%s", dir, names[i]);
	if (peer_broker(&lb.peer, urls[0], urls[1], urls[2]))
		return 1;
	lb.trips = bench_is_quick(b) ? 20 : 200;
	bench_params(b, "answers ready: CPU of the caller, %u ops a round in C and as many in Lua",
		     lb.trips);
	rc = measure_both(b, lb);
	lb.is_ready = false;
	lb.trips = 20;
	bench_params(b, "ipc: CPU of the caller, %u ops a round in C and as many in Lua, by turns",
		     lb.trips);
	if (rc || measure_both(b, lb))
		return 1;
	peer_stop(&lb.peer);
	return bench_end(b);
}
