/* SPDX-License-Identifier: MIT */
/* watch_end.h - the words that say why a watch is over, explained. */
#ifndef KSNAP_CLI_WATCH_END_H
#define KSNAP_CLI_WATCH_END_H

#include <stdbool.h>

struct watch_end {
	const char *word; /* as the event watch_disarmed has it */
	const char *why;
	const char *advice; /* a sentence; "": nothing has to be done */
	bool is_wanted;     /* by who watches: a good end */
};

/* All, the last one with a NULL word. */
extern const struct watch_end watch_ends[];

/* NULL: the word is of a broker or a worker that is newer than this. */
const struct watch_end *watch_end_find(const char *word);

#endif
