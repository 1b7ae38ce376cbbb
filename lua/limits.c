// SPDX-License-Identifier: MIT
/* limits.c - a counting allocator, a hook that looks at the clock, waits that end in time. */
#include "lua/limits.h"

#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define HOOK_EVERY    10000 /* instructions between two looks at the clock */
#define HURRY_CALL_MS 200   /* after a second signal: for the answers of who is there */
#define WAIT_SLICE_NS (50 * NS_PER_MS)
#define AFTER_MS      200          /* by then whoever waits has broken off */
#define LAST_RESERVE  (4ull << 20) /* bytes beyond the cap, to say what happened */
#define NEVER         UINT64_MAX

static volatile sig_atomic_t stop_signal; /* 0: none came */
static _Atomic uint64_t stopped_ns;       /* when it did */
static _Atomic uint64_t hurried_ns;       /* when a second one did; 0: none */

void limits_stop(int signal)
{
	uint64_t now = clock_mono_ns();

	if (!stop_signal) {
		stopped_ns = now;
		stop_signal = signal;
	} else if (!hurried_ns && now - stopped_ns >= LIMITS_TWICE_MS * NS_PER_MS) {
		hurried_ns = now;
	}
}

void limits_forget_stop(void)
{
	stop_signal = 0;
	hurried_ns = 0;
}

/* ---- memory ------------------------------------------------------------------------------------
 */

static void *count_alloc(void *arg, void *old, size_t old_size, size_t size)
{
	struct limits *l = arg;
	void *p;

	if (!old)
		old_size = 0; // it is a type then
	if (size > old_size &&
	    l->used + (size - old_size) > l->opts.memory + (l->closing ? LAST_RESERVE : 0))
		return NULL;
	if (size == 0) {
		free(old);
		l->used -= old_size;
		return NULL;
	}
	p = realloc(old, size);
	if (!p)
		return size <= old_size ? old : NULL;
	l->used += size - old_size;
	l->peak = l->used > l->peak ? l->used : l->peak;
	return p;
}

struct limits *limits_of(lua_State *L)
{
	void *arg;

	return lua_getallocf(L, &arg) == count_alloc ? arg : NULL;
}

/* ---- time --------------------------------------------------------------------------------------
 */

static uint64_t later(uint64_t ns, uint64_t ms)
{
	return ns > NEVER - ms * NS_PER_MS ? NEVER : ns + ms * NS_PER_MS;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* From when on the grace period counts: NEVER while nobody asked for an end. */
static uint64_t asked_ns(const struct limits *l)
{
	return least(l->deadline_ns ? l->deadline_ns : NEVER, stop_signal ? stopped_ns : NEVER);
}

/* Until when scripts go on and ksnap's own waits, or its requests (@call), may take. The first half
 * of the grace period is for the scenario's own teardown; requests that undo something have half of
 * the rest, so that a broker that does not answer leaves time for what needs none. */
static uint64_t end_of(const struct limits *l, bool call)
{
	uint64_t asked = asked_ns(l), grace = l->opts.grace_ms, end;

	if (!l->closing)
		return asked;
	if (!l->releasing)
		return hurried_ns ? least(hurried_ns, later(asked, grace / 2))
				  : later(asked, grace / 2);
	end = later(asked, call ? grace / 2 + grace / 4 : grace);
	return hurried_ns ? least(end, later(hurried_ns, call ? HURRY_CALL_MS : LIMITS_HURRY_MS))
			  : end;
}

/* Is it to end now, and why? */
static enum limits_end over(const struct limits *l)
{
	if (clock_mono_ns() < end_of(l, false))
		return LIMITS_NONE;
	return l->deadline_ns && clock_mono_ns() >= l->deadline_ns ? LIMITS_DEADLINE
								   : LIMITS_STOPPED;
}

static void push_signal(lua_State *L, const char *fmt)
{
	lua_pushfstring(L, fmt, (int)stop_signal, strsignal(stop_signal));
}

static void push_reason(lua_State *L, const struct limits *l)
{
	if (l->closing && hurried_ns)
		push_signal(L,
			    "the teardown was cut short by a second signal, the first was %d (%s)");
	else if (l->closing)
		lua_pushfstring(L,
				"the teardown took longer than %I ms, %s time after the end; "
				"--grace MS changes that",
				(LUAI_UACINT)(l->releasing ? l->opts.grace_ms
							   : l->opts.grace_ms / 2),
				l->releasing ? "its" : "its half of the");
	else if (l->end == LIMITS_STOPPED)
		push_signal(L, "stopped by signal %d (%s)");
	else
		lua_pushfstring(
			L,
			"the script ran longer than %I ms, its deadline; --deadline MS changes it",
			(LUAI_UACINT)l->opts.deadline_ms);
}

/* "file:line: " of the script's innermost frame, or nothing when ksnap itself waits. */
static void push_place(lua_State *L, int level)
{
	lua_Debug ar;

	for (; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.source[0] == '@' && ar.currentline > 0) {
			lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
			return;
		}
	}
	lua_pushliteral(L, "");
}

static int raise_end(lua_State *L, struct limits *l, int level)
{
	l->raised = true;
	l->end = l->end ? l->end : over(l);
	push_place(L, level);
	push_reason(L, l);
	lua_concat(L, 2);
	return lua_error(L);
}

/* Does ksnap's own code run here, which may finish what it does? */
static bool may_finish(lua_State *L, const struct limits *l, lua_Debug *ar)
{
	lua_getinfo(L, "S", ar);
	return strncmp(ar->source, "=ksnap", 6) == 0 &&
	       clock_mono_ns() < later(asked_ns(l), l->opts.grace_ms);
}

static bool is_told(const struct limits *l)
{
	return l->raised || l->releasing;
}

static void look_at_clock(lua_State *L, lua_Debug *ar)
{
	struct limits *l = limits_of(L);

	if (!over(l)) {
		if (lua_gethookmask(L) & LUA_MASKLINE)
			lua_sethook(L, look_at_clock, LUA_MASKCOUNT, HOOK_EVERY);
		return;
	}
	lua_sethook(L, look_at_clock, LUA_MASKLINE | LUA_MASKCOUNT, 1);
	if (!is_told(l) || !may_finish(L, l, ar))
		raise_end(L, l, 0);
}

lua_State *limits_open(struct limits *l, const struct limits_opts *opts)
{
	lua_State *L;

	*l = (struct limits){ .opts = *opts };
	l->opts.memory = opts->memory ? opts->memory : LIMITS_MEMORY;
	l->opts.grace_ms = opts->grace_ms ? opts->grace_ms : LIMITS_GRACE_MS;
	if (opts->deadline_ms)
		l->deadline_ns = clock_mono_ns() + opts->deadline_ms * NS_PER_MS;
	L = lua_newstate(count_alloc, l);
	if (L)
		lua_sethook(L, look_at_clock, LUA_MASKCOUNT, HOOK_EVERY);
	return L;
}

/* A signal may come between the look at it and the wait: so no single wait is long. */
static int wait_slice(uint64_t until_ns)
{
	uint64_t slice_end = clock_mono_ns() + WAIT_SLICE_NS;
	uint64_t end = slice_end < until_ns ? slice_end : until_ns;
	struct timespec ts = { (time_t)(end / NS_PER_S), (long)(end % NS_PER_S) };
	int r = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);

	return r == EINTR ? 0 : r;
}

bool limits_are_over(const struct limits *l)
{
	return clock_mono_ns() >= end_of(l, true);
}

unsigned limits_cap_ms(const struct limits *l, unsigned ms)
{
	uint64_t now = clock_mono_ns(), end = end_of(l, true), left_ms;

	if (end == NEVER)
		return ms;
	left_ms = end > now ? (end - now) / NS_PER_MS : 0;
	return left_ms + AFTER_MS < ms ? (unsigned)(left_ms + AFTER_MS) : ms;
}

void limits_check(lua_State *L)
{
	struct limits *l = limits_of(L);

	if (l && over(l))
		raise_end(L, l, 1);
}

void limits_wait(lua_State *L, uint64_t until_ns)
{
	int r = 0;

	while (r == 0 && clock_mono_ns() < until_ns) {
		limits_check(L);
		r = wait_slice(until_ns);
	}
	if (r)
		luaL_error(L, "waiting failed: %s", strerror(r));
}

/* ---- ksnap.limits ------------------------------------------------------------------------------
 */

static bool is_release(lua_State *L)
{
	static const char *const parts[] = { "teardown", "release", NULL };

	return luaL_checkoption(L, 1, NULL, parts) == 1;
}

/* limits.enter("teardown"): what follows undoes what the script did; once an end was asked for it
 * has the grace period for that, and some memory more. limits.enter("release"), within that: what
 * follows is ksnap's own. They may be entered several times, and are left as often. */
static int enter(lua_State *L)
{
	struct limits *l = limits_of(L);

	if (!l)
		return 0;
	if (is_release(L)) {
		l->releasing++;
	} else if (!l->closing++) {
		l->raised_before = l->raised;
		l->raised = false;
	}
	return 0;
}

/* limits.leave(part) */
static int leave(lua_State *L)
{
	struct limits *l = limits_of(L);

	if (!l)
		return 0;
	if (is_release(L))
		l->releasing--;
	else if (!--l->closing)
		l->raised |= l->raised_before;
	return 0;
}

/* limits.ends_ns() -> when waiting ends, of the monotonic clock; math.maxinteger: never */
static int ends_ns(lua_State *L)
{
	const struct limits *l = limits_of(L);

	lua_pushinteger(L, (lua_Integer)least(l ? end_of(l, false) : NEVER, LUA_MAXINTEGER));
	return 1;
}

/* limits.ended() -> "deadline", "stopped", or nil when the script came to its own end */
static int ended(lua_State *L)
{
	static const char *const names[] = { NULL, "deadline", "stopped" };
	const struct limits *l = limits_of(L);

	lua_pushstring(L, l ? names[l->end] : NULL);
	return 1;
}

/* limits.over() -> whether the script was told that its time is up, and has not come to its end */
static int is_over(lua_State *L)
{
	const struct limits *l = limits_of(L);

	lua_pushboolean(L, l && l->raised);
	return 1;
}

/* limits.renew(): whatever was stopped is over, something new begins; for lines typed by a person
 */
static int renew(lua_State *L)
{
	struct limits *l = limits_of(L);

	limits_forget_stop();
	if (l) {
		l->end = LIMITS_NONE;
		l->raised = false;
	}
	return 0;
}

/* limits.memory() -> limit, peak in bytes; nil without limits */
static int memory(lua_State *L)
{
	const struct limits *l = limits_of(L);

	if (!l)
		return 0;
	lua_pushinteger(L, (lua_Integer)l->opts.memory);
	lua_pushinteger(L, (lua_Integer)l->peak);
	return 2;
}

static const luaL_Reg limits_functions[] = {
	{ "enter", enter },  { "leave", leave }, { "ends_ns", ends_ns }, { "ended", ended },
	{ "over", is_over }, { "renew", renew }, { "memory", memory },   { NULL, NULL },
};

int luaopen_ksnap_limits(lua_State *L)
{
	luaL_newlib(L, limits_functions);
	return 1;
}
