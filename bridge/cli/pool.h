/* SPDX-License-Identifier: MIT */
/* pool.h - several scenarios, some of them at a time, each a trial in a process of its own. */
#ifndef KSNAP_CLI_POOL_H
#define KSNAP_CLI_POOL_H

#include "cli/trial.h"
#include "lua/ledger.h"

struct pool_opts {
	const struct trial *trial; /* what all have in common */
	const char *const *files;
	size_t nfiles;
	unsigned jobs; /* at a time, at least 1 */
	struct ledger *ledger;
	bool tick; /* the ledger draws its progress */
};

/* Run all of them. A signal (INT, TERM, HUP) goes to those that run, keeps others from starting,
 * and is *@ret_signal, which is else 0. */
int pool_run(const struct pool_opts *opts, int *ret_signal, struct ksnap_err *err);

#endif
