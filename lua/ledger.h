/* SPDX-License-Identifier: MIT */
/* ledger.h - the books of a run of several scenarios: takes their records, tells how it goes. */
#ifndef KSNAP_LUA_LEDGER_H
#define KSNAP_LUA_LEDGER_H

#include <stdbool.h>

#include "ksnap.h"

struct ledger;

struct ledger_opts {
	const char *const *files; /* of the scenarios, NULL-terminated; must outlive the ledger */
	const char *out;          /* "tap", "json" or "jsonl" */
	int64_t seed;
	void (*write)(const char *text, size_t len); /* to stdout */
	void (*progress)(const char *line);          /* drawn over the line before; may be NULL */
};

/* All calls take the place of a scenario in @files, from 1. */
struct ledger *ledger_create(const struct ledger_opts *opts, struct ksnap_err *err);
void ledger_destroy(struct ledger *l);
void ledger_began(struct ledger *l, size_t which);
void ledger_record(struct ledger *l, size_t which, const void *data, size_t len);
/* @why: what ended it when it did not come to its own end, or NULL. */
void ledger_ended(struct ledger *l, size_t which, int code, const char *why);
/* Time has passed: draw the progress anew. */
void ledger_tick(struct ledger *l);
/* The worst exit code so far. */
int ledger_worst(struct ledger *l);

struct ledger_documents {
	const char *json, *junit; /* live as long as the ledger */
	size_t json_len, junit_len;
};

/* No more scenarios; @bail says why some did not run, or NULL. */
int ledger_finish(struct ledger *l, const char *bail, struct ledger_documents *ret,
		  struct ksnap_err *err);

#endif
