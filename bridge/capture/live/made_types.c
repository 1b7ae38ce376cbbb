// SPDX-License-Identifier: MIT
/* made_types.c - rows of a type table, by hand. */
#include "capture/live/made_types.h"

#include "base/error.h"

#define FIELDS_MAX 8
#define MINOR_BITS 20 /* of the device numbers within the kernel */

static const char *word_of(unsigned size)
{
	switch (size) {
	case 1:
		return "unsigned char";
	case 2:
		return "unsigned short";
	case 4:
		return "unsigned int";
	default:
		return "unsigned long long";
	}
}

static int64_t add_int(struct type_table *t, unsigned size, struct ksnap_err *err)
{
	struct type_row row = { .kind = TYPE_INT,
				.name = word_of(size),
				.size = size,
				.enc = TYPE_UNSIGNED,
				.target = TYPE_NONE };

	return type_add(t, &row, err);
}

int64_t made_number(struct type_table *t, const char *name, unsigned size, struct ksnap_err *err)
{
	struct type_row row = { .kind = TYPE_TYPEDEF, .name = name };
	int64_t of = add_int(t, size, err);

	if (of < 0)
		return of;
	row.target = of;
	return type_add(t, &row, err);
}

int64_t made_array(struct type_table *t, uint32_t of, unsigned size, unsigned n,
		   struct ksnap_err *err)
{
	struct type_row row = {
		.kind = TYPE_ARRAY, .target = of, .len = n, .size = (uint64_t)size * n
	};

	return type_add(t, &row, err);
}

int64_t made_address(struct type_table *t, struct ksnap_err *err)
{
	struct type_row row = { .kind = TYPE_PTR, .size = 8, .target = TYPE_NONE, .to = "void" };

	return type_add(t, &row, err);
}

static int64_t add_field(struct type_table *t, const struct made_field *f, struct ksnap_err *err)
{
	int64_t of = add_int(t, f->size, err);

	return of < 0 || !f->count ? of : made_array(t, of, f->size, f->count, err);
}

int64_t made_record(struct type_table *t, const char *name, const struct made_field *f, unsigned n,
		    struct ksnap_err *err)
{
	struct type_member m[FIELDS_MAX];
	struct type_row row = {
		.kind = TYPE_STRUCT, .name = name, .target = TYPE_NONE, .members = m, .nmembers = n
	};

	if (n > FIELDS_MAX)
		return err_set(err, KSNAP_E_INTERNAL, "%u fields, at most %d", n, FIELDS_MAX);
	for (unsigned i = 0; i < n; i++) {
		int64_t type = add_field(t, &f[i], err);

		if (type < 0)
			return type;
		m[i] = (struct type_member){ f[i].name, type, 8 * row.size, 0 };
		row.size += f[i].size * (f[i].count ? f[i].count : 1);
	}
	return type_add(t, &row, err);
}

void made_inode_device(struct made_inode *id, uint32_t dev)
{
	id->major = dev >> MINOR_BITS;
	id->minor = dev & ((1u << MINOR_BITS) - 1);
}

int64_t made_inode(struct type_table *t, struct ksnap_err *err)
{
	static const struct made_field fields[] = { { "ino", 8, 0 },
						    { "major", 4, 0 },
						    { "minor", 4, 0 } };

	return made_record(t, "inode", fields, 3, err);
}
