// SPDX-License-Identifier: MIT
/* shapes.c - the tables of shapes.h: fields of every shape, and the operations. */
#include "wire/shapes.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

// clang-format off
#define PLACE(s, name) offsetof(struct wire_##s, name), offsetof(struct wire_##s, has_##name)

#define SHAPE(s, bare) static const struct wire_field fields_##s[] = {
#define FIELD(s, name, kind, required, min, max) \
	{ #name, WIRE_##kind, 0, NULL, NULL, required, min, max, PLACE(s, name), sizeof(#name) - 1 },
#define FIELD_WORDS(s, name, required, words) \
	{ #name, WIRE_STR, 0, NULL, words, required, 0, 0, PLACE(s, name), sizeof(#name) - 1 },
#define FIELD_MAP(s, name, sub, required) \
	{ #name, WIRE_MAP, 0, &wire_shape_##sub, NULL, required, 0, 0, PLACE(s, name), sizeof(#name) - 1 },
#define FIELD_LIST(s, name, kind, required, min, max) \
	{ #name, WIRE_LIST, WIRE_##kind, NULL, NULL, required, min, max, PLACE(s, name), sizeof(#name) - 1 },
#define FIELD_LIST_MAP(s, name, sub, required, min, max) \
	{ #name, WIRE_LIST, WIRE_MAP, &wire_shape_##sub, NULL, required, min, max, PLACE(s, name), sizeof(#name) - 1 },
#define SHAPE_END(s) };
#include "schemas/shapes.inc"
#undef SHAPE
#undef FIELD
#undef FIELD_WORDS
#undef FIELD_MAP
#undef FIELD_LIST
#undef FIELD_LIST_MAP
#undef SHAPE_END

#define SHAPE(s, bare) \
	const struct wire_shape wire_shape_##s = { \
		#s, fields_##s, ARRAY_SIZE(fields_##s), sizeof(struct wire_##s), bare \
	}; \
	_Static_assert(ARRAY_SIZE(fields_##s) <= WIRE_FIELDS_MAX, "too many fields in " #s);
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

const struct wire_op wire_ops[OP_COUNT] = {
#define OP(name, number, since, right, blobs, summary) \
	[OP_##name] = { #name, number, since, right, blobs, \
			&wire_shape_##name##_params, &wire_shape_##name##_reply, summary },
#include "schemas/ops.inc"
#undef OP
};
// clang-format on

/* The table is in order of numbers and short; the first letter settles most rows. */
const struct wire_op *wire_op_find(struct wire_slice name)
{
	for (size_t i = 0; i < OP_COUNT; i++)
		if (name.len && name.p[0] == wire_ops[i].name[0] &&
		    wire_slice_is(name, wire_ops[i].name))
			return &wire_ops[i];
	return NULL;
}

const char *wire_right_name(enum wire_right right)
{
	static const char *const names[] = {
		[RIGHT_OBSERVE] = "observe", [RIGHT_CAPTURE] = "capture", [RIGHT_WATCH] = "watch",
		[RIGHT_WRITE] = "write",     [RIGHT_ADMIN] = "admin",
	};

	return names[right];
}
