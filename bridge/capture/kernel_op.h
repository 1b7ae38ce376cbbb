/* SPDX-License-Identifier: MIT */
/* kernel_op.h - memory that a target is asked to read or write, and what is in it. */
#ifndef KSNAP_CAPTURE_KERNEL_OP_H
#define KSNAP_CAPTURE_KERNEL_OP_H

#include "base/buf.h"
#include "capture/btf_path.h"

#define KERNEL_OP_MAX (1u << 20) /* bytes of one op, all entries together (MAX_KERNEL_OP) */

/* A symbol (symbol.h), or a field of a task. */
struct kernel_at {
	const char *symbol;  /* NULL: a task's field */
	uint64_t task;       /* thread id */
	bool has_start_time; /* else whoever has the id */
	uint64_t start_time; /* of the task: field 22 of /proc/PID/stat */
	const char *field;   /* a path in struct task_struct, pointers followed */
};

struct kernel_width {
	uint32_t len;   /* bytes; 0: as the type says */
	bool is_number; /* len is 1, 2, 4 or 8, and the place a multiple of it */
};

struct kernel_value {
	enum kernel_value_kind {
		KERNEL_UINT,
		KERNEL_INT, /* of a signed type, when no width was asked for */
		KERNEL_BYTES,
		KERNEL_OR, /* writes: set these bits of what is there, atomically */
	} kind;
	uint64_t number;      /* of all but BYTES; negative ones in two's complement */
	const uint8_t *bytes; /* KERNEL_BYTES */
	uint32_t len;         /* of bytes */
};

/* The number in the lowest @bits (1 to 64) of @raw. */
uint64_t kernel_number_cut(uint64_t raw, unsigned bits, bool is_signed);
/* The bytes of what is called @name, @at, when none were asked for: as its type says. E_ARG: that
 * says nothing, or it is a bit field and a width was asked for; E_LIMIT. */
int kernel_width_settle(struct kernel_width *w, const struct btf_spot *at, const char *name,
			struct ksnap_err *err);
/* E_ARG: @len bytes there would be more than its type says; nobody who names one variable means its
 * neighbour. */
int kernel_write_fits(const struct btf_spot *at, const char *name, uint32_t len,
		      struct ksnap_err *err);
/* Its value as a number. The sign of its type counts when no width was asked for: @typed. */
void kernel_value_number(struct kernel_value *ret, const struct btf_spot *at, const uint8_t *bytes,
			 uint32_t len, bool typed);
/* Can @v, a number, be written into @len bytes? E_ARG. */
int kernel_number_fits(const struct kernel_value *v, uint32_t len, struct ksnap_err *err);

#endif
