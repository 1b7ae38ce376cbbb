/* SPDX-License-Identifier: MIT */
/* made_types.h - types for maps whose bytes the kernel lays out, so that no BTF describes them.
 *
 * All append to the table and give the index of the type, or E_NOMEM. */
#ifndef KSNAP_CAPTURE_LIVE_MADE_TYPES_H
#define KSNAP_CAPTURE_LIVE_MADE_TYPES_H

#include "ksnap.h"
#include "report/types.h"

/* An unsigned number of @size bytes (1, 2, 4, 8), called @name. */
int64_t made_number(struct type_table *t, const char *name, unsigned size, struct ksnap_err *err);

struct made_field {
	const char *name;
	unsigned size;  /* of the number, bytes */
	unsigned count; /* above 0: an array of so many */
};

/* A struct of numbers, one behind the other. */
int64_t made_record(struct type_table *t, const char *name, const struct made_field *f, unsigned n,
		    struct ksnap_err *err);
/* @n of the type @of, which has @size bytes. */
int64_t made_array(struct type_table *t, uint32_t of, unsigned size, unsigned n,
		   struct ksnap_err *err);
/* What names an inode: its number, and the device of its file system. */
struct made_inode {
	uint64_t ino;
	uint32_t major, minor;
};
/* @dev: as the kernel keeps it. */
void made_inode_device(struct made_inode *id, uint32_t dev);
int64_t made_inode(struct type_table *t, struct ksnap_err *err);
/* An address, shown as one. */
int64_t made_address(struct type_table *t, struct ksnap_err *err);

#endif
