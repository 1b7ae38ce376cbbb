/* SPDX-License-Identifier: MIT */
/* idr.h - the kernel's tables from ids to objects. */
#ifndef KSNAP_CAPTURE_OUTSIDE_IDR_H
#define KSNAP_CAPTURE_OUTSIDE_IDR_H

#include "base/buf.h"
#include "capture/outside/kernel.h"

#define IDR_MAX 65536 /* objects listed of one table */

struct idr_row {
	uint32_t id;
	uint64_t at;
};

/* Append every object of the table at @idr to @rows, in order of id. Whatever the memory holds, it
 * ends. 0, 1 when some of it could not be read or is more than IDR_MAX, or E_NOMEM. */
int idr_list(struct kernel *k, uint64_t idr, struct buf *rows);
/* The address of object @id; 0: there is none. */
uint64_t idr_find(struct kernel *k, uint64_t idr, uint32_t id);

#endif
