/* SPDX-License-Identifier: MIT */
/* watch.h - what a target is asked to watch, and what it tells of it. */
#ifndef KSNAP_CAPTURE_WATCH_H
#define KSNAP_CAPTURE_WATCH_H

#include <stdint.h>

#include "wire/codec.h"

#define WATCH_HOT_PERCENT 20 /* of a CPU that traps may cost before a watch disarms itself */

struct watch_request {
	uint64_t id;        /* the broker's name of it, unique in the broker's life */
	const char *symbol; /* "jiffies_64", "obj.bss:var", "tasks[7].pid", "0xffff...", ... */
	unsigned len;       /* bytes: 1, 2, 4, 8; 0: as many as the type says */
	unsigned rate;      /* hits a second that are told; the rest is counted */
	unsigned burst;     /* hits that are told at once */
	uint64_t max_hits;  /* disarm after so many told hits; 0: never */
};

/* Where it is armed; addr and len are 0 when no memory is watched ("object:NAME"). */
struct watch_place {
	uint64_t addr;
	unsigned len;
	unsigned slot;
	const char
		*still; /* a word why the target stands still, until others let it go on; or NULL */
};

/* Since it was armed: hits = told + suppressed. */
struct watch_counts {
	uint64_t hits, told, suppressed;
	uint64_t unseen; /* suppressed ones that were counted without a look at their value */
};

enum watch_news_kind {
	WATCH_NEWS_HIT,
	WATCH_NEWS_COUNTED,   /* hits came since it was last told how many; once a second at most */
	WATCH_NEWS_THROTTLED, /* hits are suppressed now that were told before */
	WATCH_NEWS_DISARMED,  /* by the target itself; the id is free */
};

/* Valid until the next call. */
struct watch_news {
	enum watch_news_kind kind;
	uint64_t id;           /* of the watch */
	uint64_t n;            /* HIT: its number among the told ones, from 1 */
	uint64_t mono_ns;      /* when it happened */
	struct wire_slice hit; /* HIT: a msgpack map, the `hit` of a report */
	struct watch_counts counts;
	const char *reason; /* DISARMED: a word such as "hot", "max_hits", "map_gone" */
};

#endif
