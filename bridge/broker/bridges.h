/* SPDX-License-Identifier: MIT */
/* bridges.h - the bridges a broker hosts, by name, each with its live channels. */
#ifndef KSNAP_BROKER_BRIDGES_H
#define KSNAP_BROKER_BRIDGES_H

#include "broker/parts.h"
#include "core/bridge.h"

struct bridges;
struct channel;

struct hosted {
	struct hosted *next;
	struct broker *broker;
	struct ksnap_bridge *core;
	struct channel *event, *snapshot, *report, *watch; /* event/<name> and so on */
	uint64_t drained_procs_dropped;      /* of the procs log, told by the drains so far */
	uint64_t drained_kernel_ops_dropped; /* the same of kernel ops */
	char name[KSNAP_TAG_MAX + 1];
	unsigned periodic_timeouts; /* of periodic captures, in a row up to now */
	struct ksnap_limits asked;  /* by open_bridge; 0: the broker's */
	struct {
		uint64_t id;               /* number in the folder of --state; 0: none yet */
		bool written;              /* books are there */
		bool counted;              /* and say how much lives */
		struct bridge_books books; /* those that are there */
	} kept;
};

struct bridges *bridges_create(struct broker *b, uint64_t max, struct ksnap_err *err);
void bridges_destroy(struct bridges *bs);
/* NULL when there is none. */
struct hosted *bridges_find(struct bridges *bs, struct wire_slice name);
/* The bridge, made with the broker's default limits when new. E_LIMIT: MAX_BRIDGES. */
struct hosted *bridges_open(struct bridges *bs, struct wire_slice name, struct ksnap_err *err);
/* Make it with these limits (0: default). E_STATE when it is open with others, E_LIMIT when one is
 * above the broker's own. */
struct hosted *bridges_open_with(struct bridges *bs, struct wire_slice name,
				 const struct ksnap_limits *limits, struct ksnap_err *err);
/* Make one of an earlier life, with the limits that were asked for then, or less when the broker
 * allows no more. */
struct hosted *bridges_revive(struct bridges *bs, struct wire_slice name,
			      const struct ksnap_limits *asked, struct ksnap_err *err);
/* E_LIMIT: the folder of --state, @path, keeps more bridges than may be open, @n. */
int bridges_check_kept(const struct bridges *bs, const char *path, size_t n, struct ksnap_err *err);
void bridges_close(struct bridges *bs, struct hosted *h);
/* The first in order of creation; go on by ->next. */
struct hosted *bridges_first(struct bridges *bs);
size_t bridges_count(const struct bridges *bs);

/* Raise an event that the broker itself saw. */
void hosted_raise(struct hosted *h, enum ksnap_event_kind kind,
		  const struct ksnap_event_field *fields, unsigned n);

#endif
