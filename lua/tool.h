/* SPDX-License-Identifier: MIT */
/* tool.h - commands that are written in Lua: ksnap/<name>_command.lua, in a state where no script
 * runs. */
#ifndef KSNAP_LUA_TOOL_H
#define KSNAP_LUA_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "ksnap.h"

struct lua_tool {
	const char *module;       /* "ksnap.check_command" */
	const char *const *files; /* NULL-terminated words */
	const char *out;          /* "table", "json" or "jsonl" */
	bool unsafe, editor;
	void (*write)(const char *text, size_t len); /* to stdout */
};

/* Gives an exit code; above 0 @err may hold a text for people, else its code is 0. */
int lua_tool_run(const struct lua_tool *t, struct ksnap_err *err);

#endif
