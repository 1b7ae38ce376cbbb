/* SPDX-License-Identifier: MIT */
/* form.h - how the values of a type are shown, worked out once a type and walk. */
#ifndef KSNAP_REPORT_FORM_H
#define KSNAP_REPORT_FORM_H

#include "report/arena.h"
#include "report/sink.h"
#include "report/types.h"

#define WALK_FREE 64 /* bytes of a name or a text that cost nothing beside the value */

enum form_class {
	FORM_UNKNOWN, /* not worked out yet */
	FORM_NONE,    /* void, func, a type that was only declared */
	FORM_UINT,    /* 1, 2, 4 or 8 bytes, all bits in use */
	FORM_SINT,
	FORM_BOOL,
	FORM_BITS, /* any other int */
	FORM_FLOAT,
	FORM_ENUM,
	FORM_PTR,
	FORM_ARRAY,
	FORM_TEXT,   /* array of char: text when it is, else an array */
	FORM_CPUS,   /* a CPU mask */
	FORM_RECORD, /* struct, union, section */
};

struct form_member {
	struct label label; /* name NULL: anonymous */
	uint32_t type;
	uint64_t bit_off;
	uint32_t bits; /* bitfield; 0: none */
	uint8_t plain; /* named, UINT or SINT: its bytes, else 0 */
	bool is_signed;
	uint32_t cost; /* of it and its name, in values of walk.h */
};

struct form {
	enum form_class class;
	const struct type_row *row; /* behind typedefs and qualifiers */
	uint64_t size;              /* bytes; 0: none, or not known */
	uint64_t each;              /* ARRAY, TEXT: bytes of an element; CPUS: bytes of the mask */
	uint64_t skip;              /* CPUS: bytes before the mask */
	const struct form_member *members;
	uint32_t nmembers;
	uint64_t plain_end; /* bytes that its plain members reach into */
};

struct forms {
	const struct type_table *types;
	struct form *rows; /* one a type, made at need */
	size_t len;
	struct arena arena;
	struct form none; /* of types that are not in the table */
	bool has_masks;   /* CPU masks are shown as lists, not as the structs they are */
	bool failed;      /* memory ran out */
};

/* 0, or -1 when memory is out. */
int forms_init(struct forms *f, const struct type_table *types, bool has_masks);
void forms_fini(struct forms *f);
/* Work it out, at first need. */
const struct form *form_make(struct forms *f, uint32_t type);

/* Good until forms_fini(). */
static inline const struct form *form_of(struct forms *f, uint32_t type)
{
	if (type >= f->len)
		return &f->none;
	return f->rows[type].class == FORM_UNKNOWN ? form_make(f, type) : &f->rows[type];
}

#endif
