// SPDX-License-Identifier: MIT
/* clock.c - what time it is, and waiting until it is later. */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "lua/bind.h"

/* clock.now() -> seconds of the monotonic clock, as a float */
static int now(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)clock_mono_ns() / NS_PER_S);
	return 1;
}

/* clock.mono_ns() -> nanoseconds of the monotonic clock, BPF's own */
static int mono_ns(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)clock_mono_ns());
	return 1;
}

/* clock.real_ns() -> nanoseconds since 1970 */
static int real_ns(lua_State *L)
{
	lua_pushinteger(L, clock_real_ns());
	return 1;
}

/* clock.wait_until(mono_ns): returns when the clock is there; signals do not shorten it */
static int wait_until(lua_State *L)
{
	uint64_t until = (uint64_t)luaL_checkinteger(L, 1);
	struct timespec ts = { (time_t)(until / NS_PER_S), (long)(until % NS_PER_S) };
	int rc;

	do
		rc = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	while (rc == EINTR);
	if (rc)
		return luaL_error(L, "waiting failed: error %d", rc);
	return 0;
}

static const luaL_Reg clock_functions[] = {
	{ "now", now },         { "mono_ns", mono_ns },
	{ "real_ns", real_ns }, { "wait_until", wait_until },
	{ NULL, NULL },
};

int luaopen_ksnap_clock(lua_State *L)
{
	luaL_newlib(L, clock_functions);
	return 1;
}
