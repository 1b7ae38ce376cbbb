/* SPDX-License-Identifier: MIT */
/* state_files.h - which segments there are, how much of each lives, and which may go. */
#ifndef KSNAP_BROKER_STATE_FILES_H
#define KSNAP_BROKER_STATE_FILES_H

#include "broker/bridges.h"
#include "broker/segment.h"

struct state_file {
	uint64_t number, bytes;
	uint64_t live; /* bytes of what lives in it, as of the last count */
	bool dead;     /* nothing does; it goes once all before @until is on disk */
	struct segment_at until;
};

struct state_files {
	int folder;              /* borrowed */
	struct state_file *list; /* by number */
	size_t n, cap;
};

void state_files_fini(struct state_files *f);
/* A new file; its number is above all others. E_NOMEM. */
int state_files_add(struct state_files *f, uint64_t number, uint64_t bytes, struct ksnap_err *err);
struct state_file *state_files_find(struct state_files *f, uint64_t number);
/* Bytes of all, and of those that are not dead. */
uint64_t state_files_bytes(const struct state_files *f);
uint64_t state_files_undead(const struct state_files *f);
/* Count what lives where: all that the bridges hold. Returns the bytes of it. */
uint64_t state_files_count(struct state_files *f, struct bridges *bs);
/* The file, but for @except, of which least lives; NULL: there is no other. */
struct state_file *state_files_barest(struct state_files *f, uint64_t except);
/* Those of which nothing lives are dead, but for @except. True when there are dead ones. */
bool state_files_bury(struct state_files *f, uint64_t except, struct segment_at until);
/* Remove the dead whose time has come. */
void state_files_remove(struct state_files *f, struct segment_at on_disk);

#endif
