/* SPDX-License-Identifier: MIT */
/* term.h - what the names in messages mean: errors, limits, events, operations. */
#ifndef KSNAP_CLI_TERM_H
#define KSNAP_CLI_TERM_H

#include <stdbool.h>
#include <stdio.h>

/* Print what the schemas say of @name; false when they do not have it. */
bool term_explain(FILE *to, const char *name);
/* The one whose name is nearest, or NULL when none is near. */
const char *term_near(const char *name);

#endif
