/* SPDX-License-Identifier: MIT */
/* archive.h - snapshots in files: a report's bytes alone, or a collection (schemas/file.lua).
 *
 * What is opened here may be any file: it is looked at a piece at a time, and sizes in it are held
 * against the file's. A collection without its last item was cut off, and is refused. */
#ifndef KSNAP_REPORT_ARCHIVE_H
#define KSNAP_REPORT_ARCHIVE_H

#include "base/buf.h"
#include "ksnap.h"

#define ARCHIVE_SCHEMA "ksnap.file/1"
#define ARCHIVE_SUFFIX ".ksnap"
#define ARCHIVE_ITEM   (16u << 20) /* bytes of one item that is no report */

/* ---- reading ------------------------------------------------------------------------------- */

struct archive;

struct archive *archive_open(const char *path, struct ksnap_err *err);
void archive_close(struct archive *a);
/* Snapshots in it; 1 for a report alone. */
size_t archive_count(const struct archive *a);
/* The report under @tag, the last one when there are several; NULL: the only one. E_NOTFOUND names
 * the tags that are there, E_ARG says that a tag is needed. */
int archive_load(struct archive *a, const char *tag, struct ksnap_blob **ret,
		 struct ksnap_err *err);
/* Append a msgpack list of snapshot_row maps, as the op `list` gives them. */
int archive_rows(struct archive *a, struct buf *out, struct ksnap_err *err);
/* Append a msgpack list of the events that were kept with them; E_NOTFOUND: none were. */
int archive_events(struct archive *a, struct buf *out, struct ksnap_err *err);

/* ---- writing: items, in this order --------------------------------------------------------- */

/* The first item. */
int archive_put_head(struct buf *out, const char *bridge);
/* Stands before a report: what `get` and `drain` say of it, one msgpack map. -1 when @row is none,
 * or memory is out. */
int archive_put_row(struct buf *out, const void *row, size_t len);
/* The last item; @events: a msgpack list, or NULL. */
int archive_put_end(struct buf *out, uint64_t count, uint64_t bytes, const void *events,
		    size_t events_len);

/* ---- names --------------------------------------------------------------------------------- */

#define ARCHIVE_NAME_MAX (3 * KSNAP_TAG_MAX + sizeof(ARCHIVE_SUFFIX))

/* The file name for @tag: letters, digits, '.', '_' and '-' stand for themselves, any other byte
 * and a leading '.' as %XX; no two tags give one name, none leaves its folder or hides. */
void archive_name(const char *tag, char ret[ARCHIVE_NAME_MAX]);

/* What a user calls a snapshot: a file when it has a '/' or ends in ".ksnap", FILE.ksnap:TAG for
 * one of several, else a tag; "tag:a/b" is the tag "a/b". */
struct snapshot_name {
	bool is_file;
	size_t len;      /* of the file's path, at the begin of the argument */
	const char *tag; /* or NULL: the file's only one */
};

void snapshot_name_read(const char *arg, struct snapshot_name *ret);

#endif
