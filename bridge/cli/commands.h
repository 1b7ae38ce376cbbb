/* SPDX-License-Identifier: MIT */
/* commands.h - the commands of ksnap: one file and one descriptor each. */
#ifndef KSNAP_CLI_COMMANDS_H
#define KSNAP_CLI_COMMANDS_H

#include <stdbool.h>

#include "base/buf.h"
#include "cli/options.h"

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_MSGPACK, OUTPUT_PROMETHEUS };

/* What the words of a command are, as far as a shell can complete them. */
enum word_kind { WORDS_OTHER, WORDS_FILE, WORDS_TAG, WORDS_COMMAND, WORDS_WATCH };

/* What the options that every command takes said. */
struct cli {
	const char *endpoint; /* NULL: not named */
	const char *bridge;   /* NULL: "default" */
	enum output output;
	bool quiet, color;
	bool lua; /* say the line of a scenario, and do nothing */
	unsigned verbose;
	unsigned timeout_ms; /* 0: the defaults of the client */
};

/* Exit codes, for every command. */
enum cli_exit {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* a check failed, or any other error */
	EXIT_USAGE = 2,  /* wrong use, or a script that cannot run */
	EXIT_LOSS = 3,
	EXIT_DENIED = 4,
	EXIT_UNREACHABLE = 5,
	EXIT_DEADLINE = 124,
};

struct command {
	const char *name;
	const char *summary; /* one line */
	const char *usage;   /* what follows "ksnap" and the name */
	const char *text;    /* paragraphs for help; may be NULL */
	const struct option_row *options;
	/* For rows that are made at run time; used in place of `options` when set. */
	const struct option_row *(*make_options)(void);
	/* What --lua prints. An op's own line, when what the command does is one (link_call says
	 * it); else what @lua appends; a command with neither does nothing that a scenario does. */
	bool is_op;
	void (*lua)(const struct args *args, struct buf *out);
	bool gives_metrics;            /* it knows OUTPUT_PROMETHEUS; the others never see it */
	unsigned min_words, max_words; /* how many words it takes */
	enum word_kind words;          /* what completion proposes for them */
	int (*run)(const struct cli *cli, const struct args *args); /* gives an exit code */
};

extern const struct command *const commands[]; /* in the order of help; NULL-terminated */

/* By name, or NULL. */
const struct command *command_find(const char *name);
/* The command whose name is nearest to @name, or NULL when none is near. */
const struct command *command_near(const char *name);
const struct option_row *command_options(const struct command *c);

extern const struct option_row global_options[];

extern const struct command cmd_serve, cmd_run, cmd_worker, cmd_capture, cmd_list, cmd_show,
	cmd_diff, cmd_drain, cmd_events, cmd_procs, cmd_monitor, cmd_status, cmd_describe,
	cmd_keygen, cmd_check, cmd_new, cmd_repl, cmd_version, cmd_help, cmd_freeze, cmd_thaw,
	cmd_read, cmd_write, cmd_watch, cmd_unwatch, cmd_watches, cmd_attach, cmd_doctor,
	cmd_completion;

#endif
