/* SPDX-License-Identifier: MIT */
/* leftovers.h - what a script's process that was killed had to undo, undone in its place. */
#ifndef KSNAP_CLI_LEFTOVERS_H
#define KSNAP_CLI_LEFTOVERS_H

#include <stddef.h>

#include "lua/notes.h"

/* Once that process and all that it started are ended. Writes to @text, of @cap bytes, what became
 * of each: "; undone in its place: ...", or "" when there was nothing. How many things are left
 * that nobody undoes. */
unsigned leftovers_undo(const struct notes *n, char *text, size_t cap);

#endif
