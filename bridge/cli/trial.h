/* SPDX-License-Identifier: MIT */
/* trial.h - one scenario: a process for the script, and in this one its broker and its watchdog.
 *
 * Call it in a process without threads: the script's process is forked before the broker starts. */
#ifndef KSNAP_CLI_TRIAL_H
#define KSNAP_CLI_TRIAL_H

#include "cli/commands.h"
#include "cli/embed.h"
#include "lua/host.h"

struct trial {
	const struct cli *cli;
	const char *path;
	struct embed_opts
		embed; /* of the broker that is started; its control endpoint is made here */
	struct lua_host_opts host; /* endpoint "": start a broker */
};

/* Run it to its end, which is the script's own, or what a signal (INT, TERM, HUP) or the deadline
 * make of it: those stop the script, which still tears down, then kill it; a second signal cuts the
 * teardown short, a third kills at once. What a killed script had to undo is undone here. What
 * there is to tell goes to host.records. Gives an exit code. */
int trial_run(struct trial *t);

#endif
