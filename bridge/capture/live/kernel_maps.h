/* SPDX-License-Identifier: MIT */
/* kernel_maps.h - where the kernel keeps a map, and how its structs are laid out: the begin of a
 * look at what no system call tells. */
#ifndef KSNAP_CAPTURE_LIVE_KERNEL_MAPS_H
#define KSNAP_CAPTURE_LIVE_KERNEL_MAPS_H

#include <bpf/btf.h>

#include "ksnap.h"

/* Bytes from the begin of the kernel's struct @type to its member @path, "attr.config"; members of
 * anonymous members are found too. E_TARGET: this kernel has no such member. */
int64_t kernel_offset(const struct btf *btf, const char *type, const char *path,
		      struct ksnap_err *err);
/* The address of the struct bpf_map of map @id, which the caller holds open. E_NOTFOUND, E_DENIED,
 * E_TARGET. */
int kernel_map_address(const struct btf *btf, uint32_t id, uint64_t *ret, struct ksnap_err *err);

#endif
