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

#define BTF_DEPTH    64         /* types within types; what is deeper is void */
#define BTF_MOST     (4u << 20) /* bytes that one type may become, with all it is made of */
#define BTF_NAME_MAX 1023       /* bytes of a name */

/* Append type @id of @btf, and all it is made of, to @t; gives its index. @btf may be anything that
 * libbpf takes: time and memory are bounded by BTF_MOST, and what a table cannot say sensibly is
 * refused. Members beyond their struct, and structs within themselves, are the renderer's to
 * survive; declaration tags are looked through. E_ARG: @btf has no such type; E_TARGET: ids or
 * names that are not there, names that are not UTF-8, arrays of 4 GiB; E_LIMIT. After a failure @t
 * may hold rows that nothing refers to. */
int64_t btf_convert(const struct btf *btf, uint32_t id, struct type_table *t,
		    struct ksnap_err *err);

/* The same, and how many of BTF_MOST it took. */
int64_t btf_convert_sized(const struct btf *btf, uint32_t id, struct type_table *t,
			  size_t *ret_bytes, struct ksnap_err *err);

/* Has this enum negative values? Compilers before the flag existed (clang 14 is one) write signed
 * enums without it: a small negative number among the names gives them away. */
bool btf_enum_is_signed(const struct btf_type *t);

struct btf_types;

struct btf_types *btf_types_create(struct ksnap_err *err);
void btf_types_destroy(struct btf_types *c);
/* The BTF object @btf_id (BTF_OF_KERNEL: the kernel's own), or NULL. */
typedef struct btf *(*btf_source_fn)(void *arg, uint32_t btf_id);
/* Take BTF from there, not from the running kernel. Before the first use. */
void btf_types_set_source(struct btf_types *c, btf_source_fn source, void *arg);
#define BTF_OF_KERNEL UINT32_MAX /* as a btf_id: the kernel's own types */

/* The BTF object @btf_id, good until the next call with this @c. E_DENIED, E_TARGET: the kernel
 * does not give it. */
const struct btf *btf_types_load(struct btf_types *c, uint32_t btf_id, struct ksnap_err *err);
/* A new report begins: what was appended to the last one's table is forgotten. */
void btf_types_begin(struct btf_types *c);
/* The index in @into of type @type_id of the kernel's BTF object @btf_id, appended at its first use
 * in this report; TYPE_NONE when either id is 0. E_DENIED, E_TARGET: the kernel does not give it.
 */
int64_t btf_types_add(struct btf_types *c, uint32_t btf_id, uint32_t type_id,
		      struct type_table *into, struct ksnap_err *err);
/* The index in @into of what pointer row @ptr points to, appended at its first use in this report;
 * TYPE_NONE when that has no size or is not known. A struct that is only declared, or has nothing
 * but members that the kernel's struct of the same name has too (as programs write them for CO-RE,
 * with offsets of their own), is read as the kernel lays it out. */
int64_t btf_types_pointee(struct btf_types *c, const struct type_row *ptr, struct type_table *into,
			  struct ksnap_err *err);
/* Conversions made so far; what was kept is none. */
uint64_t btf_types_made(const struct btf_types *c);

#endif
