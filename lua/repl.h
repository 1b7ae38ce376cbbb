/* SPDX-License-Identifier: MIT */
/* repl.h - lines of Lua typed by a person, in a state that lives as long as the person stays. */
#ifndef KSNAP_LUA_REPL_H
#define KSNAP_LUA_REPL_H

#include <stdbool.h>

#include "ksnap.h"
#include "lua/host.h"

struct lua_repl;

/* Connects to opts->endpoint. limits_stop() ends the line at work, not the state. */
struct lua_repl *lua_repl_create(const struct lua_host_opts *opts, struct ksnap_err *err);
/* Undoes what was attached, armed and frozen. */
void lua_repl_destroy(struct lua_repl *r);
/* Run @line: results go to stdout, errors to stderr. True when it is the begin of a chunk and more
 * lines must follow. */
bool lua_repl_line(struct lua_repl *r, const char *line);
/* Drop the begin of a chunk. */
void lua_repl_forget(struct lua_repl *r);
/* What may be added to @text at the cursor, and the names to choose from when there are several;
 * both are good until the next call. */
void lua_repl_complete(struct lua_repl *r, const char *text, const char **ret_add,
		       const char **ret_names);

#endif
