/* SPDX-License-Identifier: MIT */
/* state_load.h - read what an earlier broker left in the folder of --state.
 *
 * First all files are looked through: sums, records, what lives. Only when that is sound, the
 * bridges are made and what lives is read. Nothing is changed in the folder. */
#ifndef KSNAP_BROKER_STATE_LOAD_H
#define KSNAP_BROKER_STATE_LOAD_H

#include "broker/parts.h"
#include "broker/segment.h"

struct state_found {
	uint64_t *segments; /* numbers of the files there are, ascending; to be freed */
	uint64_t *sizes;    /* theirs; to be freed */
	size_t n;
	uint64_t last_bridge; /* highest number of a bridge */
	bool cut;             /* writing was broken off at @end: cut there, files behind it too */
	struct segment_at end;
	uint64_t cut_bytes;
};

/* @path is for messages. E_STATE: a file is damaged; the text names it and the place, and says
 * what to do. */
int state_load(struct broker *b, int folder, const char *path, struct state_found *ret,
	       struct ksnap_err *err);
void state_found_clear(struct state_found *f);

/* Go through the records of a batch without a broker: for tests that feed it any bytes. 0, or
 * E_STATE. */
int state_check_records(const void *data, size_t len, struct ksnap_err *err);

#endif
