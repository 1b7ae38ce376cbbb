/* SPDX-License-Identifier: MIT */
/* kernel.h - a kernel seen from outside: its memory, symbols, types and CPUs, ready for walking. */
#ifndef KSNAP_CAPTURE_OUTSIDE_KERNEL_H
#define KSNAP_CAPTURE_OUTSIDE_KERNEL_H

#include "capture/btf.h"
#include "capture/memory/image.h"
#include "capture/outside/layout.h"
#include "capture/outside/orc.h"

#define KERNEL_CPUS    8192
#define KERNEL_BTF_MAX (32u << 20) /* bytes of one BTF object */

struct kernel {
	const struct physical *mem;
	struct image image;
	struct btf *btf;         /* its own; btf_types has a copy */
	struct btf_types *types; /* of its BTF objects, by id */
	struct layout at;
	struct orc orc;
	uint64_t *cpu_offset; /* what is added to a per-CPU address, one a possible CPU */
	unsigned *cpu_id;     /* their numbers */
	unsigned ncpu;        /* possible CPUs */
	uint64_t map_idr, prog_idr, btf_idr; /* addresses; 0: there is none */
	char host[65];
};

/* Find the kernel and read what walking needs. @btf_file: take its types from there; NULL: from its
 * memory. Errors as image_find, and E_TARGET when it has no types or no maps to find. After a
 * failure
 * @k is empty. */
int kernel_open(struct kernel *k, const struct physical *mem, const struct image_source *src,
		const char *btf_file, struct ksnap_err *err);
void kernel_close(struct kernel *k);

/* The place of CPU @id among the possible ones. E_ARG: there is no such CPU. */
int kernel_cpu(const struct kernel *k, uint64_t id, unsigned *ret, struct ksnap_err *err);

/* A number of @m.size bytes (1, 2, 4, 8) at member @m of what is at @va; false: it cannot be read,
 * or this kernel has no such member. */
bool kernel_member(struct kernel *k, uint64_t va, struct layout_member m, uint64_t *ret);

#endif
