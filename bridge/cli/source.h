/* SPDX-License-Identifier: MIT */
/* source.h - the snapshots a command reads: stored ones by tag, kept ones by file. */
#ifndef KSNAP_CLI_SOURCE_H
#define KSNAP_CLI_SOURCE_H

#include "cli/connect.h"

/* For help and the man page: what an argument may be. */
#define SOURCE_TEXT                                                                            \
	"A TAG may also be a file: anything with a / or ending in .ksnap, FILE.ksnap:TAG for " \
	"one of several in it; tag:NAME is always a tag. "

struct source {
	const struct cli *cli;
	struct link link; /* made when the first tag is asked for */
	bool is_open;
};

/* Is it good as the name of a snapshot? E_ARG. */
int source_check(const char *name, struct ksnap_err *err);
/* Is it a file as a whole? */
bool source_is_file(const char *name);
/* The report; to be unreferenced. */
int source_report(struct source *s, const char *name, struct ksnap_blob **ret,
		  struct ksnap_err *err);
void source_close(struct source *s);

#define _source_ __attribute__((cleanup(source_close)))

/* What a file's archive gives as a msgpack list (archive_rows, archive_events), appended. */
struct archive;
int source_list(const char *path,
		int (*list)(struct archive *a, struct buf *out, struct ksnap_err *err),
		struct buf *out, struct ksnap_err *err);

#endif
