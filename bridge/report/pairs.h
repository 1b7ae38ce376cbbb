/* SPDX-License-Identifier: MIT */
/* pairs.h - which thing of one snapshot is which of the other. */
#ifndef KSNAP_REPORT_PAIRS_H
#define KSNAP_REPORT_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct named {
	const char *name;
	uint64_t id;
	const void *what; /* the thing itself */
};

struct pair {
	const struct named *a, *b; /* one may be NULL */
	bool is_ambiguous;         /* another one has the name, too */
};

struct pairs {
	struct pair *pair;
	size_t n;
};

/* Sorted by name. Those of one name are matched by id when both are of one boot, and what is left
 * of them in the order of their ids. 0 or E_NOMEM; to be freed either way. */
int pairs_make(struct pairs *ret, const struct named *a, size_t na, const struct named *b,
	       size_t nb, bool same_boot);
void pairs_fini(struct pairs *p);

#endif
