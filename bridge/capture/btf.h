/* SPDX-License-Identifier: MIT */
/* btf.h - kernel type information (BTF) turned into a report's type table.
 *
 * Only what a value needs is taken: pointers stop, and say in C words what they point to. Results
 * are kept by (BTF id, type id), so that a second capture of the same map converts nothing. */
#ifndef KSNAP_CAPTURE_BTF_H
#define KSNAP_CAPTURE_BTF_H

#include <bpf/btf.h>

#include "ksnap.h"
#include "report/types.h"

/* Append type @id of @btf, and all it is made of, to @t; gives its index. BTF that is deeper than
 * BTF_DEPTH ends in a void there. E_ARG: @btf has no such type. */
int64_t btf_convert(const struct btf *btf, uint32_t id, struct type_table *t,
		    struct ksnap_err *err);

#define BTF_DEPTH 64

struct btf_types;

/* The kernel's own BTF, wherever a BTF id is named here. */
#define BTF_OF_KERNEL UINT32_MAX

struct btf_types *btf_types_create(struct ksnap_err *err);
void btf_types_destroy(struct btf_types *c);
/* A new report begins: what was appended to the last one's table is forgotten. */
void btf_types_begin(struct btf_types *c);
/* The index in @into of type @type_id of the kernel's BTF object @btf_id, appended at its first use
 * in this report; TYPE_NONE when either id is 0. E_DENIED, E_TARGET: the kernel does not give it.
 */
int64_t btf_types_add(struct btf_types *c, uint32_t btf_id, uint32_t type_id,
		      struct type_table *into, struct ksnap_err *err);
/* The kernel's own BTF, kept until destroy; NULL with E_DENIED or E_TARGET. */
const struct btf *btf_types_kernel(struct btf_types *c, struct ksnap_err *err);
/* The index in @into of what pointer row @ptr points to, appended at its first use in this report;
 * TYPE_NONE when that has no size or is not known. A struct that is only declared, or has nothing
 * but members that the kernel's struct of the same name has too (as programs write them for CO-RE,
 * with offsets of their own), is read as the kernel lays it out. */
int64_t btf_types_pointee(struct btf_types *c, const struct type_row *ptr, struct type_table *into,
			  struct ksnap_err *err);

#endif
