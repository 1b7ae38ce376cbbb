// SPDX-License-Identifier: MIT
/* clock.c - what time it is, and waiting until it is later. */
#include "base/clock.h"
#include "lua/bind.h"
#include "lua/limits.h"

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

/* clock.wait_until(mono_ns): returns when the clock is there; other signals than one that stops the
 * script do not shorten it */
static int wait_until(lua_State *L)
{
	limits_wait(L, (uint64_t)luaL_checkinteger(L, 1));
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
