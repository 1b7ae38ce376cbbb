/* SPDX-License-Identifier: MIT */
/* notes.h - what is to be undone when a script's process has to be killed: written by it into
 * memory that it shares with the process that watches it, and read there once it is gone. */
#ifndef KSNAP_LUA_NOTES_H
#define KSNAP_LUA_NOTES_H

#include <lua.h>

#include "ksnap.h"

#define NOTES_BYTES (128u << 10) /* of all notes; what has no room is counted */

struct notes;

/* One thing; the strings live as long as the notes. */
struct note {
	const char *kind; /* "held", by the broker; "rmdir", "write", "move" */
	const char *path; /* to remove, or to write to; "" for held */
	const char
		*text; /* to write; for move: "PID /cgroup", to be written only while it is there */
	const char *words; /* what it is, for people */
};

/* Memory that a child which is forked later shares; NULL: there is none. */
struct notes *notes_create(struct ksnap_err *err);
void notes_destroy(struct notes *n);
/* Call @fn for each, in the order in which they are undone. How many more had no room. */
unsigned notes_each(const struct notes *n, void (*fn)(void *arg, const struct note *note),
		    void *arg);
/* Scripts of this state write here; NULL: nowhere. */
void notes_use(lua_State *L, struct notes *n);

/* ksnap.notes: set(list) */
int luaopen_ksnap_notes(lua_State *L);

#endif
