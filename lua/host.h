/* SPDX-License-Identifier: MIT */
/* host.h - run one scenario file in a Lua state of its own. */
#ifndef KSNAP_LUA_HOST_H
#define KSNAP_LUA_HOST_H

#include <stdbool.h>

#include "ksnap.h"
#include "lua/limits.h"
#include "lua/notes.h"

struct lua_host_opts {
	const char *endpoint;    /* broker to talk to */
	void *zmq_context;       /* shared context, needed for inproc:// */
	const char *bridge;      /* bridge of ops that name none; NULL: "default" */
	const char *const *args; /* NULL-terminated; the script's `arg` */
	unsigned number;         /* of this scenario in the run, from 1: the TAP line's number */
	struct limits_opts limits;
	unsigned timeout_ms; /* repl: of ops that name none; 0: as the client has it */
	bool unsafe;         /* all libraries, no sandbox */
	int records;         /* descriptor for what there is to tell; 0: TAP on stdout */
	const char *filter;  /* skip a script neither whose file nor whose scenario's name fits; or
				NULL */
	bool count_losses;   /* what the broker lets go meanwhile is a failure, LUA_HOST_LOSS */
	struct notes *notes; /* where to note what is to be undone; NULL: nowhere */
	bool seeded;
	int64_t seed; /* of math.random */
};

enum lua_host_exit { /* exit codes of ksnap run */
		     LUA_HOST_OK = 0,
		     LUA_HOST_FAILED = 1, /* a check failed */
		     LUA_HOST_SCRIPT = 2, /* the script could not be loaded, or raised */
		     LUA_HOST_LOSS = 3,
		     LUA_HOST_UNREACHABLE = 5,
		     LUA_HOST_DEADLINE = 124,
};

/* Run @path; what there is to tell goes to opts->records, or as TAP to stdout; words go to stderr.
 */
enum lua_host_exit lua_host_run(const char *path, const struct lua_host_opts *opts);

#endif
