/* SPDX-License-Identifier: MIT */
/* sift.h - which live messages a monitor shows: by kind, and by the tag or symbol in them. */
#ifndef KSNAP_CLI_SIFT_H
#define KSNAP_CLI_SIFT_H

#include <msgpack.h>
#include <stdbool.h>

#include "cli/options.h"
#include "ksnap.h"

/* Lists of shell patterns, NULL-terminated; an empty one takes everything. */
struct sift {
	const char **kinds;
	const char **names;
};

/* The rows that sift_init() reads; put into a command's own table. */
#define SIFT_OPTIONS                                                                         \
	{ "kind",                                                                            \
	  0,                                                                                 \
	  OPTION_LIST,                                                                       \
	  "GLOB",                                                                            \
	  "only messages of such a kind, such as captured; repeatable",                      \
	  0,                                                                                 \
	  0 },                                                                               \
	{                                                                                    \
		"match", 0, OPTION_LIST, "GLOB",                                             \
			"only messages whose tag or symbol is like this, such as 'boot-*'; " \
			"repeatable",                                                        \
			0, 0                                                                 \
	}

int sift_init(struct sift *s, const struct args *args, struct ksnap_err *err);
void sift_fini(struct sift *s);
bool sift_is_empty(const struct sift *s);
/* Is the message of this decoded header to be shown? One of each list has to fit. */
bool sift_takes(const struct sift *s, const msgpack_object *header);

#endif
