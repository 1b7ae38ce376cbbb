/* SPDX-License-Identifier: MIT */
/* accessor.h - deciding on an accessor without blocking, for an owner with a loop.
 *
 *              publish (seqno + 1)
 *   TRYING ───────────────────────→ SUCCEEDED ──trying()──→ TRYING …
 *      │ fail(), seqno 0                ↑ fail(), seqno > 0: the old accessor stays in use
 *      └──────────────→ FAILED, for good
 *
 * The owner keeps the time: it calls ksnap_accessor_fail() when accessor_init_ms() have passed
 * since the initialisation began. */
#ifndef KSNAP_CORE_ACCESSOR_H
#define KSNAP_CORE_ACCESSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "ksnap.h"

#define ACCESSOR_FIRST_MS 60000 /* the first initialisation has this long */
#define ACCESSOR_LATER_MS 30000 /* each later one this long */

enum accessor_verdict {
	ACCESSOR_READY,   /* the wait is over, with a seqno */
	ACCESSOR_PENDING, /* ask again after the next trying, publish or fail */
	ACCESSOR_GONE,    /* failed for good: no wait will ever succeed */
};

/* What ksnap_accessor_wait (or, with @want_advance, ksnap_accessor_wait_advance for @after) would
 * find at this moment. *ret_seqno (may be NULL) is set on READY. @a may be NULL: READY with 0. */
enum accessor_verdict accessor_poll(struct ksnap_accessor *a, uint64_t after, bool want_advance,
				    uint64_t *ret_seqno);
/* The error with which a wait ends: E_STATE when failed for good, else E_TIMEOUT with the words
 * that tell whether a longer deadline may help. */
int accessor_wait_error(struct ksnap_accessor *a, uint64_t after, bool want_advance,
			unsigned timeout_ms, struct ksnap_err *err);
/* How long an initialisation that begins now may take. */
unsigned accessor_init_ms(struct ksnap_accessor *a);

#endif
