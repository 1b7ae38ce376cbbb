/* SPDX-License-Identifier: MIT */
/* mapping.h - a file in memory that may become shorter while it is read.
 *
 * Touching what the file has lost raises SIGBUS. Here the whole mapping then turns into zeros, the
 * reader goes on, and mapping_is_torn tells that nothing it has read counts. A SIGBUS anywhere else
 * does what it did before. */
#ifndef KSNAP_CAPTURE_MEMORY_MAPPING_H
#define KSNAP_CAPTURE_MEMORY_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

#define MAPPINGS_MAX 64 /* of one process */

/* The first @size bytes of @fd. E_TARGET; E_LIMIT: MAPPINGS_MAX are in use. *ret is NULL then. Any
 * thread may call. */
int mapping_make(int fd, size_t size, bool writable, uint8_t **ret, struct ksnap_err *err);
/* NULL is accepted. */
void mapping_drop(uint8_t *at, size_t size);
/* Was something touched that the file did not have any more? */
bool mapping_is_torn(const uint8_t *at);

#endif
