/* SPDX-License-Identifier: MIT */
/* map_read.h - the entries of one live map, into memory.
 *
 * By batch look-up where the map's type has it, else by a walk from key to key. Both end: by the
 * deadline, by room, after READ_RESTARTS walks that began anew under the reader. */
#ifndef KSNAP_CAPTURE_LIVE_MAP_READ_H
#define KSNAP_CAPTURE_LIVE_MAP_READ_H

#include <linux/bpf.h>

#include "ksnap.h"

#define READ_RESTARTS 3

/* How a map type is laid out and read. */
struct map_kind {
	bool is_readable; /* false: a type that is not read */
	bool is_array;    /* max_entries entries, always */
	bool is_percpu;
	bool by_walk;      /* it has no batch look-up */
	bool is_sparse;    /* an array with free places: a key without a value is not missing */
	bool is_unbounded; /* max_entries does not bound what is in it */
	bool may_repeat;   /* its batch look-up may give a key twice when keys are deleted meanwhile
			    */
};

const struct map_kind *map_kind_of(uint32_t type);

struct read_plan {
	int fd;
	const struct map_kind *kind;
	bool is_section;   /* one entry whose key is not kept */
	size_t key_size;   /* bytes of a key */
	size_t val_size;   /* bytes of an entry's value, all CPUs */
	uint64_t expected; /* max_entries */
	uint64_t deadline_mono_ns;
};

/* Where entries go. With @max_bytes > 0 the memory is the reader's to grow, up to that. */
struct entries {
	uint8_t *keys, *vals;
	uint64_t room, count;
	uint64_t max_bytes;
};

enum read_end {
	READ_DONE,      /* all entries are here */
	READ_ROOM,      /* more entries than room */
	READ_DEADLINE,  /* the deadline passed */
	READ_RESTARTED, /* keys went away under every walk */
	READ_FAILED,    /* the kernel refused; see error */
	READ_UNSEEN,    /* some cannot be asked for; see why */
	READ_PEEKED,    /* the first of a number that cannot be known */
};

struct read_result {
	enum read_end end;
	int error;       /* errno of READ_FAILED */
	const char *why; /* READ_FAILED, or NULL: by error; READ_UNSEEN */
	uint32_t restarts, duplicates, missing;
};

/* Twice the room of @e, within max_bytes. 1: there is none to have; 0; or E_NOMEM. */
int entries_grow(const struct read_plan *p, struct entries *e);
/* 0, or E_NOMEM. Everything else is told in @res; @e->count entries are good in every case. */
int map_read(const struct read_plan *plan, struct entries *e, struct read_result *res);

#endif
