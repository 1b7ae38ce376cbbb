/* SPDX-License-Identifier: MIT */
/* watch.h - one watch, and what watching.c and hits.c share of it. */
#ifndef KSNAP_BROKER_WATCH_H
#define KSNAP_BROKER_WATCH_H

#include "broker/watching.h"

#define WATCH_LANES 8 /* its own target, and `targets` of watch_snapshot */

/* The captures of one target because of one watch: one after the other. */
struct lane {
	struct watch *watch;
	char target[257];
	bool busy;                   /* one is under way, or about to be */
	uint64_t begun_n;            /* the newest hit for which one was begun */
	char tag[KSNAP_TAG_MAX + 1]; /* of the one under way */
};

enum watch_life {
	WATCH_IS_ARMING,
	WATCH_IS_ARMED,
	WATCH_IS_ENDING, /* nobody owns it, its slot is free; its worker is asked for the totals */
	WATCH_IS_OVER,
};

struct watch {
	struct watch *next;
	struct watching *all;
	enum watch_life life;
	uint64_t id;
	char bridge[KSNAP_TAG_MAX + 1];
	bool bridge_closed; /* nowhere to store */
	bool worker_lost;
	char worker[65]; /* who holds it; "" while arming */
	char host[257];  /* where that runs: whose clock hits have */
	struct wire_armed place;
	struct buf encoded; /* params, which the next point into */
	struct wire_arena arena;
	struct wire_watch_snapshot_params params;
	char base[KSNAP_TAG_MAX + 1]; /* of tags of its own target */

	struct wire_watch_totals totals; /* as told last */
	bool exact;                      /* which was after its end */
	const char *ended_by;            /* of one that is ending: the reason */
	uint64_t captures, missed;       /* as list_watches shows them */
	uint64_t throttled_told;         /* suppressed when watch_throttled was raised last */
	uint64_t throttled_mono_ns;      /* and when that was; 0: never */

	uint64_t n, mono; /* of the newest told hit; n 0: none yet */
	struct buf hit;   /* it, encoded */

	unsigned holds; /* not to be freed although over */
	struct lane lane[WATCH_LANES];
	unsigned nlanes;
	char symbol[]; /* NUL-terminated */
};

/* watching.c: free it when it is over and nothing is under way. */
void watch_reap(struct watch *w);
struct broker *watch_broker(const struct watch *w);

#endif
