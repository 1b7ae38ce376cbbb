/* SPDX-License-Identifier: MIT */
/* memory_words.h - places of memory and values as words of a command line. */
#ifndef KSNAP_CLI_MEMORY_WORDS_H
#define KSNAP_CLI_MEMORY_WORDS_H

#include <msgpack.h>

#include "base/buf.h"
#include "cli/options.h"
#include "ksnap.h"

/* How the words of one command are meant. */
struct memory_words {
	uint64_t task; /* words are fields of this task; 0: they are symbols */
	bool has_start_time;
	uint64_t start_time;
	const char *width; /* "1", "2", "4", "8"; NULL: not given */
	uint64_t bytes;    /* 0: not given */
};

/* By the options task, start-time, width, bytes and target. Without start-time the task is the one
 * that has the id on this host now, or, when the target is named and is another machine's kernel,
 * there. E_ARG, E_NOTFOUND. */
int memory_words_init(struct memory_words *w, const struct args *args, struct ksnap_err *err);

/* {at, width?} of the word, appended encoded. */
void memory_word_entry(const struct memory_words *w, const char *word, msgpack_packer *pk);
/* {at, value, width?} of "SYMBOL=VALUE": a number, hex:0a1b, "text", or with |= the bits to set.
 * E_ARG. */
int memory_word_write(const struct memory_words *w, const char *word, msgpack_packer *pk,
		      struct ksnap_err *err);

/* A value that was read: a number, text in quotes when the bytes are that, else hex. */
void memory_print(struct buf *out, const msgpack_object *value, bool as_hex);

#define MEMORY_OPTIONS                                                                             \
	{ "width",                                                                                 \
	  'w',                                                                                     \
	  OPTION_CHOICE,                                                                           \
	  "1|2|4|8",                                                                               \
	  "bytes of a number; as the type says when not given",                                    \
	  0,                                                                                       \
	  0 },                                                                                     \
		{ "bytes", 0, OPTION_UINT, "N", "N bytes, not a number", 1, 1 << 20 },             \
		{ "task",                                                                          \
		  0,                                                                               \
		  OPTION_UINT,                                                                     \
		  "PID",                                                                           \
		  "the words are fields of this task: comm, mm.total_vm, real_parent.tgid",        \
		  1,                                                                               \
		  INT32_MAX },                                                                     \
		{ "start-time",                                                                    \
		  0,                                                                               \
		  OPTION_UINT,                                                                     \
		  "TICKS",                                                                         \
		  "when the task began, field 22 of /proc/PID/stat; another one that has the id "  \
		  "by now is not meant; when not given, the one that has it on this host now",     \
		  0,                                                                               \
		  UINT64_MAX },                                                                    \
		{ "freeze",                                                                        \
		  0,                                                                               \
		  OPTION_STRING,                                                                   \
		  "CGROUP",                                                                        \
		  "hold this v2 cgroup still meanwhile (a cold op)",                               \
		  0,                                                                               \
		  0 },                                                                             \
		{ "tag", 0, OPTION_STRING, "TAG", "record the reply under TAG", 0, 0 },            \
	{                                                                                          \
		"target", 'T', OPTION_STRING, "TARGET",                                            \
			"whose memory; the broker's first target when not given, or live without " \
			"a broker",                                                                \
			0, 0                                                                       \
	}

#endif
