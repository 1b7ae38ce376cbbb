/* SPDX-License-Identifier: MIT */
/* options.h - command lines from tables.
 *
 * Parsing and help read the same rows. Options and words may be mixed; `--opt=value` and
 * `--opt value` mean the same; `--` ends the options, and what follows it is kept apart. A value
 * points into argv. */
#ifndef KSNAP_CLI_OPTIONS_H
#define KSNAP_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

enum option_kind {
	OPTION_FLAG,   /* no value; may be repeated and is counted */
	OPTION_STRING, /* the last one counts */
	OPTION_CHOICE, /* one of the words in `value`, "a|b|c" */
	OPTION_UINT,   /* within min..max */
	OPTION_LIST,   /* repeatable, all count */
};

struct option_row {
	const char *name; /* without dashes; NULL ends a table */
	char brief;       /* one letter, or 0 */
	enum option_kind kind;
	const char *value; /* what help calls the value; NULL for a flag */
	const char *help;
	uint64_t min, max; /* OPTION_UINT; 0, 0: any */
};

struct option_seen {
	const struct option_row *row;
	const char *text; /* NULL for a flag */
	uint64_t num;     /* OPTION_UINT */
};

struct args {
	const struct option_row *global, *own; /* own may be NULL */
	struct option_seen *seen;              /* in order of the command line */
	size_t nseen;
	const char **words; /* before `--`, NULL-terminated */
	size_t nwords;
	const char **rest; /* behind `--`, NULL-terminated */
	size_t nrest;
};

/* Make room for what a command line of @argc words can hold. */
int args_init(struct args *a, int argc, const struct option_row *global, struct ksnap_err *err);
void args_fini(struct args *a);
/* Parse @argv up to NULL. With @first_word, stop behind the first word. Returns how many of @argv
 * were read, or E_ARG naming the option and a near one. */
int args_parse(struct args *a, char **argv, bool first_word, struct ksnap_err *err);

/* The rows @a knows have @name, else it is our own mistake and the program aborts. */
unsigned args_count(const struct args *a, const char *name);
static inline bool args_flag(const struct args *a, const char *name)
{
	return args_count(a, name) > 0;
}
/* The last value given, or @fallback. */
const char *args_string(const struct args *a, const char *name, const char *fallback);
/* 0 when the first word is good as a tag; else E_ARG, which begins with "tag: ". */
int args_tag(const struct args *a, struct ksnap_err *err);
uint64_t args_uint(const struct args *a, const char *name, uint64_t fallback);
/* All values, NULL-terminated, in memory to be freed with free(); NULL when memory is out. */
const char **args_list(const struct args *a, const char *name);

/* How far apart two words are: letters to insert, remove, change or swap with a neighbour. */
unsigned word_distance(const char *a, const char *b);
/* Is @near close enough to @word to be proposed? @ret_best keeps the least distance so far and
 * starts at UINT_MAX. */
bool word_is_nearer(const char *word, const char *near, unsigned *ret_best);

#endif
