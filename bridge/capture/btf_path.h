/* SPDX-License-Identifier: MIT */
/* btf_path.h - "ctx.weight", "hist[3]": where in a value of a BTF type that is. */
#ifndef KSNAP_CAPTURE_BTF_PATH_H
#define KSNAP_CAPTURE_BTF_PATH_H

#include <bpf/btf.h>

#include "ksnap.h"
#include "report/path.h"

#define BTF_HOPS_MAX 8 /* pointers followed by one path */

struct btf_spot {
	uint32_t type;    /* BTF id of what is there, typedefs and qualifiers looked through */
	uint64_t offset;  /* bytes from the begin, or from where the last hop leads */
	uint64_t size;    /* bytes; 0: its type has none */
	bool is_signed;   /* a signed integer or enum */
	bool is_bitfield; /* then offset and size are those of the bytes that it is in */
	uint8_t bit_off, bit_size; /* within those bytes, from the lowest bit */
	unsigned nhops;
	uint64_t hops[BTF_HOPS_MAX]; /* offsets of the pointers to follow, in order */
};

/* Type @id behind typedefs and qualifiers; 0 when there is none. */
uint32_t btf_behind(const struct btf *btf, uint32_t id);

/* Follow what is left of @p from a value of @type; pointers to structs only with @hops. E_NOTFOUND
 * lists the members that are there; E_ARG: the step does not fit the type. */
int btf_path_find(const struct btf *btf, uint32_t type, struct path *p, bool hops,
		  struct btf_spot *ret, struct ksnap_err *err);

#endif
