/* SPDX-License-Identifier: MIT */
/* replace.h - a file's new contents: all of them, or the file as it was.
 *
 * Bytes go to a temporary file in the same folder; commit syncs it, gives it the name,
 * and syncs the folder. */
#ifndef KSNAP_BASE_REPLACE_H
#define KSNAP_BASE_REPLACE_H

#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

struct replacement {
	int fd; /* -1: none under way */
	char *path, *temp;
	uint64_t written;
};

#define REPLACEMENT_INIT ((struct replacement){ .fd = -1 })

/* A new file is readable by its owner only, one that is replaced keeps its mode; behind a symbolic
 * link the file it names is replaced. Fails now for a folder that is not there or not writable, and
 * for a path that names something else than a file. */
int replace_begin(struct replacement *r, const char *path, struct ksnap_err *err);
int replace_write(struct replacement *r, const void *data, size_t len, struct ksnap_err *err);
/* After a failure the file is as it was. */
int replace_commit(struct replacement *r, struct ksnap_err *err);
/* Ends it without a trace; nothing after a commit. */
void replace_abandon(struct replacement *r);

#define _replacement_ __attribute__((cleanup(replace_abandon)))

/* The code of an errno value of a file: E_NOTFOUND, E_DENIED, E_NOMEM or E_TARGET. */
int file_error_code(int errnum);

#endif
