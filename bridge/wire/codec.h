/* SPDX-License-Identifier: MIT */
/* codec.h - maps between msgpack and C structs, by table.
 *
 * schemas/gen.lua writes one row a field (shapes.inc); shapes.h turns the rows into a struct and a
 * table, and the two functions here are the only code that reads the tables. A decoded struct
 * points into the frame it came from (strings, bin, any) and into its arena (lists). */
#ifndef KSNAP_WIRE_CODEC_H
#define KSNAP_WIRE_CODEC_H

#include <msgpack.h>

#include "base/buf.h"
#include "ksnap.h"

/* A run of bytes within a frame: str and bin hold the body, any holds one encoded object. */
struct wire_slice {
	const char *p;
	size_t len;
};

/* @n items, each of the C type of the list's element. */
struct wire_list {
	void *items;
	size_t n;
};

enum wire_kind {
	WIRE_BOOL, /* bool */
	WIRE_UINT, /* uint64_t */
	WIRE_INT,  /* int64_t */
	WIRE_F64,  /* double; an integer is accepted */
	WIRE_STR,  /* struct wire_slice */
	WIRE_TAG,  /* struct wire_slice that passes ksnap_tag_check */
	WIRE_BIN,  /* struct wire_slice */
	WIRE_ANY,  /* struct wire_slice: one object, encoded */
	WIRE_MAP,  /* struct wire_<shape>, in place */
	WIRE_LIST, /* struct wire_list */
};

struct wire_shape;

struct wire_field {
	const char *name;
	enum wire_kind kind;
	enum wire_kind item;            /* WIRE_LIST: kind of each element */
	const struct wire_shape *shape; /* WIRE_MAP, or WIRE_LIST of WIRE_MAP */
	const char *words;              /* WIRE_STR: "a|b|c" allowed, or NULL */
	bool required;
	uint64_t min, max; /* WIRE_UINT: value; str, bin: bytes; list: elements; 0, 0 = any */
	size_t offset, has_offset; /* of the value and of its has_<name> */
	size_t name_len;           /* 0: not counted */
};

struct wire_shape {
	const char *name;
	const struct wire_field *fields;
	size_t nfields;
	size_t size; /* of the struct */
	bool bare;   /* one field that stands for the whole value, without a map around it */
};

#define WIRE_FIELDS_MAX 64

enum wire_unknown {
	WIRE_REFUSE_UNKNOWN, /* requests: a key nobody knows is a mistake */
	WIRE_SKIP_UNKNOWN,   /* replies and live messages: the other side may be newer */
	WIRE_ENVELOPE, /* as REFUSE, but only values out of range are E_ARG, all else E_PROTO */
};

/* Memory of decoded lists. One arena may serve several decodes. */
struct wire_arena {
	msgpack_zone *zone; /* made at first need */
};

void wire_arena_fini(struct wire_arena *a);

/* Decode one object of exactly @len bytes into @ret (shape->size bytes, zeroed first). Scans
 * first. Duplicate keys, missing or mistyped fields, values out of range, and with REFUSE unknown
 * keys, fail with E_ARG (E_PROTO when it is not sound msgpack or not a map); the text begins with
 * the field's path (none for a bare shape) and says what was expected and what was there. Strings
 * must be UTF-8 without NUL, but for SKIP. @arena may be NULL when the shape has no lists; on
 * failure it may hold memory and needs wire_arena_fini() all the same. */
int wire_decode(const struct wire_shape *shape, const void *data, size_t len,
		enum wire_unknown unknown, struct wire_arena *arena, void *ret,
		struct ksnap_err *err);
/* The same for bytes that were scanned already, as a part of a sound message is. */
int wire_decode_sound(const struct wire_shape *shape, const void *data, size_t len,
		      enum wire_unknown unknown, struct wire_arena *arena, void *ret,
		      struct ksnap_err *err);
/* Encode @value; optional fields whose has_<name> is false are left out, required ones always
 * go out. 0 or E_NOMEM. */
int wire_encode(const struct wire_shape *shape, const void *value, struct buf *out);

/* Append the fields of @value to the map that @map holds, whose header has one byte. E_INTERNAL:
 * more pairs than such a header can count. */
int wire_encode_beside(const struct wire_shape *shape, const void *value, struct buf *map,
		       struct ksnap_err *err);

/* Find the first pair with this key in an encoded map; false when there is none, or no sound map.
 */
bool wire_map_find(struct wire_slice map, const char *key, struct wire_slice *ret);

/* Is @s equal to the NUL-terminated @word? */
bool wire_slice_is(struct wire_slice s, const char *word);
struct wire_slice wire_slice_of(const char *s);

#endif
