/* SPDX-License-Identifier: MIT */
/* print.h - any msgpack value as JSON, as rows, as lines for people.
 *
 * Integers that a double cannot hold go out as strings, bytes as hex, text that is not UTF-8 with
 * U+FFFD in place of what is wrong; in text for people control characters are written out. */
#ifndef KSNAP_CLI_PRINT_H
#define KSNAP_CLI_PRINT_H

#include <msgpack.h>

#include "base/buf.h"
#include "cli/commands.h"
#include "ksnap.h"

/* @indent: spaces a level; 0: one line. No newline behind it. */
void print_json(struct buf *out, const msgpack_object *o, unsigned indent);
/* "key": with what belongs around it in one-line JSON. */
void print_json_key(struct buf *out, const char *key);
void print_json_str(struct buf *out, const char *s, size_t len);
/* A scalar in few letters; containers as one-line JSON. */
void print_plain(struct buf *out, const msgpack_object *o);
/* A map as "key  value" lines, maps in it indented, lists of maps as tables. */
void print_people(struct buf *out, const msgpack_object *o);

/* A column of a table: a key of the rows, and how to show it. */
enum column_form { COLUMN_PLAIN, COLUMN_TIME, COLUMN_BYTES, COLUMN_HEX, COLUMN_END };

struct column {
	const char *key, *title;
	enum column_form form;
};

/* A list of maps as aligned columns with titles. @columns NULL: all keys, in order of appearance.
 */
void print_rows(struct buf *out, const msgpack_object *rows, const struct column *columns);

/* "18.2 KiB"; "14:03:22.104517" in local time. */
void print_bytes(struct buf *out, uint64_t bytes);
void print_time(struct buf *out, int64_t ns);

/* What a map holds under @key, or @fallback; see also object_get() of report/reader.h. */
uint64_t field_uint(const msgpack_object *map, const char *key, uint64_t fallback);
/* The value's bytes, not terminated; "" when there is no such string. */
msgpack_object_str field_str(const msgpack_object *map, const char *key);
bool field_bool(const msgpack_object *map, const char *key);

/* Decode one whole value, scanned before; @ret to be freed with msgpack_unpacked_destroy(). */
int object_decode(msgpack_unpacked *ret, const void *data, size_t len, struct ksnap_err *err);
/* A reply to stdout in the form that was asked for: JSON, JSON lines (a list: one line each),
 * its own bytes, or for people by @columns when it is a list and else by print_people(). */
int print_reply(const struct cli *cli, const struct ksnap_reply *reply,
		const struct column *columns, struct ksnap_err *err);

#endif
