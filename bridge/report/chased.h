/* SPDX-License-Identifier: MIT */
/* chased.h - memory behind pointers that a report holds, by address. */
#ifndef KSNAP_REPORT_CHASED_H
#define KSNAP_REPORT_CHASED_H

#include <msgpack.h>

#include "ksnap.h"

struct chased {
	uint64_t addr;
	uint32_t type; /* within the table */
	const uint8_t *data;
	size_t size;
	const msgpack_object *error; /* a str, or NULL */
};

/* Read and check the report's key `chased`, which may be absent. E_PROTO, E_NOMEM. */
int chased_read(struct ksnap_snapshot *s, struct ksnap_err *err);
/* What is at @addr, or NULL. */
const struct chased *chased_find(const struct ksnap_snapshot *s, uint64_t addr);

#endif
