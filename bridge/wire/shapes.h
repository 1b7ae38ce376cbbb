/* SPDX-License-Identifier: MIT */
/* shapes.h - the structs and tables made from schemas/: one struct wire_<shape> a shape, with
 * wire_shape_<shape> beside it. shapes.inc holds rows only; this header is what they expand to. */
#ifndef KSNAP_WIRE_SHAPES_H
#define KSNAP_WIRE_SHAPES_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/codec.h"

// clang-format off
#define WIRE_C_BOOL bool
#define WIRE_C_UINT uint64_t
#define WIRE_C_INT int64_t
#define WIRE_C_F64 double
#define WIRE_C_STR struct wire_slice
#define WIRE_C_TAG struct wire_slice
#define WIRE_C_BIN struct wire_slice
#define WIRE_C_ANY struct wire_slice

#define SHAPE(s, bare) struct wire_##s {
#define FIELD(s, name, kind, required, min, max) WIRE_C_##kind name; bool has_##name;
#define FIELD_WORDS(s, name, required, words) struct wire_slice name; bool has_##name;
#define FIELD_MAP(s, name, sub, required) struct wire_##sub name; bool has_##name;
#define FIELD_LIST(s, name, kind, required, min, max) struct wire_list name; bool has_##name;
#define FIELD_LIST_MAP(s, name, sub, required, min, max) struct wire_list name; bool has_##name;
#define SHAPE_END(s) };
#include "schemas/shapes.inc"
#undef SHAPE
#undef FIELD
#undef FIELD_WORDS
#undef FIELD_MAP
#undef FIELD_LIST
#undef FIELD_LIST_MAP
#undef SHAPE_END

#define SHAPE(s, bare) extern const struct wire_shape wire_shape_##s;
#define FIELD(s, name, kind, required, min, max)
#define FIELD_WORDS(s, name, required, words)
#define FIELD_MAP(s, name, sub, required)
#define FIELD_LIST(s, name, kind, required, min, max)
#define FIELD_LIST_MAP(s, name, sub, required, min, max)
#define SHAPE_END(s)
#include "schemas/shapes.inc"
#undef SHAPE
#undef FIELD
#undef FIELD_WORDS
#undef FIELD_MAP
#undef FIELD_LIST
#undef FIELD_LIST_MAP
#undef SHAPE_END
// clang-format on

/* One operation, from schemas/op/<name>.lua. */
enum wire_right { RIGHT_OBSERVE, RIGHT_CAPTURE, RIGHT_WATCH, RIGHT_WRITE, RIGHT_ADMIN };

enum wire_op_id {
#define OP(name, number, since, right, blobs, summary) OP_##name,
#include "schemas/ops.inc"
#undef OP
	OP_COUNT
};

struct wire_op {
	const char *name;
	unsigned number;
	unsigned since; /* api level */
	enum wire_right right;
	unsigned blobs; /* blob frames a request carries */
	const struct wire_shape *params, *reply;
	const char *summary;
};

extern const struct wire_op wire_ops[OP_COUNT];

/* The op of this name, or NULL. */
const struct wire_op *wire_op_find(struct wire_slice name);
/* "observe" for RIGHT_OBSERVE. */
const char *wire_right_name(enum wire_right right);

#endif
