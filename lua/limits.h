/* SPDX-License-Identifier: MIT */
/* limits.h - how much memory and time one Lua state may take.
 *
 * Memory is counted by the allocator. Time is watched by a hook that looks at the clock every few
 * thousand instructions; once it is up, the hook raises at every instruction of the script, so that
 * no pcall, no coroutine and no __close outlives it. ksnap's own chunks ("=ksnap...") go on for the
 * grace period: they undo what the script did. A hook sees no C function at work; who runs
 * scripts that are not trusted puts a process around the state, and a watchdog beside it. */
#ifndef KSNAP_LUA_LIMITS_H
#define KSNAP_LUA_LIMITS_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

struct limits_opts {
	uint64_t memory;      /* bytes; 0: LIMITS_MEMORY */
	uint64_t deadline_ms; /* from limits_open on; 0: none */
	uint64_t grace_ms;    /* for what follows the deadline; 0: LIMITS_GRACE_MS */
};

#define LIMITS_MEMORY   (64ull << 20)
#define LIMITS_GRACE_MS 5000
/* Signals that come closer together are one, which several processes handed on. */
#define LIMITS_TWICE_MS 200
/* A teardown that is cut short by a second signal is over after this long. */
#define LIMITS_HURRY_MS 600

enum limits_end { /* what ended the script early */
		  LIMITS_NONE,
		  LIMITS_DEADLINE,
		  LIMITS_STOPPED, /* limits_stop() */
};

struct limits {
	struct limits_opts opts;
	uint64_t used, peak;  /* bytes */
	uint64_t deadline_ns; /* 0: none */
	enum limits_end end;
	bool raised;                 /* the script was told, or its teardown since that began */
	bool raised_before;          /* before the teardown under way began */
	unsigned closing, releasing; /* teardowns under way, and those of them that release */
};

/* A new state with these limits, which must outlive it; NULL when memory is out. */
lua_State *limits_open(struct limits *l, const struct limits_opts *opts);
/* End the script as if its time were up; may be called by a signal handler. Called again, and not
 * within LIMITS_TWICE_MS, it cuts the teardown short. It holds for the next state that is opened,
 * too, until limits_forget_stop(). */
void limits_stop(int signal);
void limits_forget_stop(void);
/* Wait until the monotonic clock is there; raises when the limits end the script before that. In a
 * state without limits it just waits. */
void limits_wait(lua_State *L, uint64_t until_ns);
/* The limits of a state, or NULL when it was not made by limits_open. */
struct limits *limits_of(lua_State *L);
/* Whether a request is not to be waited for any longer. */
bool limits_are_over(const struct limits *l);
/* How long a request may take that the script waits for: @ms, or until a moment behind its
 * deadline. */
unsigned limits_cap_ms(const struct limits *l, unsigned ms);
/* Raise when it is. */
void limits_check(lua_State *L);

/* ksnap.limits: enter(part), leave(part), ends_ns(), ended(), over(), renew(), memory() */
int luaopen_ksnap_limits(lua_State *L);

#endif
