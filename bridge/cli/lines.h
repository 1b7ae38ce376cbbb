/* SPDX-License-Identifier: MIT */
/* lines.h - lines typed by a person: edited, with history and completion, on a terminal that
 * libedit was built in for; else as they come. */
#ifndef KSNAP_CLI_LINES_H
#define KSNAP_CLI_LINES_H

#include <stdbool.h>

#include "ksnap.h"

struct lines;

struct lines_opts {
	/* What may be added to @text at the cursor, and the names to choose from, "" for none. */
	void (*complete)(void *arg, const char *text, const char **ret_add, const char **ret_names);
	void *arg;
	const char *history; /* file; NULL: none is kept */
};

enum lines_end { LINES_LINE, LINES_INTERRUPTED, LINES_END };

struct lines *lines_open(const struct lines_opts *opts, struct ksnap_err *err);
/* Show @prompt and read a line, without its newline; *@ret_line is good until the next call. */
enum lines_end lines_read(struct lines *l, const char *prompt, const char **ret_line);
void lines_close(struct lines *l);
/* From a signal handler: the line being read, if any, is given up. */
void lines_interrupt(void);

#endif
