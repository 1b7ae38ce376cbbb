/* SPDX-License-Identifier: MIT */
/* probe.h - what a target needs of the machine, one thing a row, and whether it is there. */
#ifndef KSNAP_CAPTURE_PROBE_H
#define KSNAP_CAPTURE_PROBE_H

#include "ksnap.h"

enum probe_verdict {
	PROBE_GOOD,
	PROBE_LIMITED, /* the target works, without what the row gives */
	PROBE_MISSING, /* it does not work at all */
};

struct probe_finding {
	enum probe_verdict verdict;
	char found[KSNAP_ERR_TEXT]; /* one line */
	const char *mend;           /* static: what to do about it; NULL when there is nothing */
};

struct probe {
	const char *name;  /* one word; NULL ends a table */
	const char *gives; /* what works with it */
	/* Look, and leave everything as it was. @options: what follows "kind:" in the target's
	 * name. May block for a moment. */
	void (*look)(const char *options, struct probe_finding *ret);
};

#endif
