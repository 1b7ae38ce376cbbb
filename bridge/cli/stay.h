/* SPDX-License-Identifier: MIT */
/* stay.h - commands that hold something for as long as they run. */
#ifndef KSNAP_CLI_STAY_H
#define KSNAP_CLI_STAY_H

#include "cli/connect.h"

/* Block SIGINT, SIGTERM and SIGHUP, for threads begun later too: the descriptor that is readable
 * once one came. Call it before anything is held, so that none ends the command in between. */
int stay_signals(struct ksnap_err *err);
/* While a signal waits at @fd, which outlives the calls, an op of @l is broken off: E_STATE, and
 * stay_is_told(). NULL: not any more. Without a connection there is nothing to break off. */
void stay_breaks_off(struct link *l, int *fd);
/* Whether a signal came. */
bool stay_is_told(int fd);
/* Keep the session alive until a signal or @mono_ns, UINT64_MAX: never. Negative: the broker does
 * not answer any more, and what was held is released. */
int stay_until(struct link *l, int fd, uint64_t mono_ns, struct ksnap_err *err);
/* The same for who holds @owned, in the words of status ("object probe"). E_STATE: no session holds
 * it any more, because somebody released it or its worker is lost. */
int stay_holding(struct link *l, int fd, uint64_t mono_ns, const char *owned,
		 struct ksnap_err *err);

/* How long what is held waits to be undone, unless --timeout says it. */
#define STAY_UNDO_MS 5000
/* Undo what is held, now that it is to end: as link_call, but after STAY_UNDO_MS, or at a further
 * signal at @fd, the answer is not waited for any longer. @words say what is undone: "thaw /a".
 * When it was not, the error says to whom it is left. */
int stay_undo(struct link *l, int fd, const char *op, const struct params *p, const char *words,
	      struct ksnap_reply *ret, struct ksnap_err *err);

#endif
