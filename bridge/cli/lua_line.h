/* SPDX-License-Identifier: MIT */
/* lua_line.h - what a command does, as the line of a scenario that does the same (--lua). */
#ifndef KSNAP_CLI_LUA_LINE_H
#define KSNAP_CLI_LUA_LINE_H

#include "base/buf.h"
#include "cli/params.h"
#include "ksnap.h"

/* Append a string as a Lua literal. */
void lua_line_string(struct buf *out, const char *s, size_t len);
/* Print `op.NAME { PARAMETER = VALUE, ... }` for an op with @p, which may be NULL. */
int lua_line_op(const char *op, const struct params *p, struct ksnap_err *err);
/* Append the same without a newline; @first ("tag = x"), when not NULL, before all of @p. */
int lua_line_call(struct buf *out, const char *op, const char *first, const struct params *p,
		  struct ksnap_err *err);
/* Append the expression that is the snapshot a user names: of the run, or in a file. */
void lua_line_snapshot(struct buf *out, const char *name);

#endif
