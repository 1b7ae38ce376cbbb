/* SPDX-License-Identifier: MIT */
/* term.h - what the names in messages mean: errors, limits, events, operations, and
 * why watches end. */
#ifndef KSNAP_CLI_TERM_H
#define KSNAP_CLI_TERM_H

#include <stdbool.h>
#include <stdio.h>

/* Print what is known of @name; false when there is no such name. */
bool term_explain(FILE *to, const char *name);
/* The one whose name is nearest, or NULL when none is near. */
const char *term_near(const char *name);

#endif
