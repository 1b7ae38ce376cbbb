/* SPDX-License-Identifier: MIT */
/* fault.h - bugs on purpose, in programs that only a test builds (tests/faults/local.am).
 *
 * They show that bench_runaway sees such bugs. In every other build FAULT_IS is false, and nothing
 * of it is left. */
#ifndef KSNAP_BASE_FAULT_H
#define KSNAP_BASE_FAULT_H

enum fault {
	FAULT_NONE,
	FAULT_EVICT_NEWEST, /* the newest snapshot leaves, not the oldest */
	FAULT_ABOVE_CAP,    /* one snapshot more than allowed is kept */
	FAULT_LOSE_EVENT,   /* each hundredth event is raised, but not kept and not counted */
	FAULT_COPY_REPORT,  /* monitors get a copy of the report, not the one that is stored */
	FAULT_LOSE_LIVE,    /* each hundredth event is kept, but not told to monitors */
	FAULT_LOSE_HIT,     /* each tenth hit of a watch is captured, but not told to monitors */
};

#ifndef KSNAP_FAULT
#define KSNAP_FAULT FAULT_NONE
#endif

#define FAULT_IS(fault) ((KSNAP_FAULT) == (fault))

#endif
