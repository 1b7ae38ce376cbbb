// SPDX-License-Identifier: MIT
/* watch_end.c - one row a word. */
#include "cli/watch_end.h"

#include <stddef.h>
#include <string.h>

#include "capture/watch.h"

#define TEXT_OF(x)  #x
#define DIGITS(x)   TEXT_OF(x)
#define HOT_PERCENT DIGITS(WATCH_HOT_PERCENT)

const struct watch_end watch_ends[] = {
	{ "hot",
	  "for a second its hits cost more than " HOT_PERCENT
	  " % of a CPU, or of a guest's time: each write stops the writer for a moment, shown or "
	  "not",
	  "Watch something that is written less often; for a guest, hot=PERCENT of its target "
	  "moves the threshold.",
	  false },
	{ "max_hits", "as many hits were told as it was asked to tell", "", true },
	{ "element_gone", "the element was deleted from its map, or is another one now",
	  "Watch it again when it is there.", false },
	{ "map_gone", "no program uses the map any more, as after the end of its object",
	  "Watch it again when the object is loaded.", false },
	{ "object_gone", "the object that it waited for came to its end", "", true },
	{ "rebooted", "the guest was started anew, and what was watched is not there any more",
	  "Watch it again when its kernel runs.", false },
	{ "gdb_lost", "the connection to QEMU's gdb stub, which watches for it, was lost",
	  "See whether QEMU runs and whether somebody else took its gdb socket.", false },
	{ "guard_lost",
	  "the child that takes it out of the guest when its worker is killed was killed itself, "
	  "and there was no room for another one",
	  "The log says what it wanted; make room and watch again.", false },
	{ "unwatch", "somebody ended it by its id or symbol", "", true },
	{ "bye", "the session that held it ended", "", false },
	{ "session_lost",
	  "the session that held it was silent for too long, or lost its connection",
	  "'ksnap help session_lost' tells about it.", false },
	{ "worker_lost", "the worker that held the register has ended",
	  "'ksnap monitor --channel event/ --from oldest' says how; a worker that follows can "
	  "watch again.",
	  false },
	{ "bridge_closed", "its bridge was closed", "", false },
	{ 0 },
};

const struct watch_end *watch_end_find(const char *word)
{
	const struct watch_end *e = watch_ends;

	while (e->word && strcmp(e->word, word))
		e++;
	return e->word ? e : NULL;
}
