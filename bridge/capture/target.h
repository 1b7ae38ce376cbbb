/* SPDX-License-Identifier: MIT */
/* target.h - what a worker captures: a const table of functions for each kind of target.
 *
 * All slots are called from the worker's one thread. A slot that is NULL means E_UNSUPPORTED, and
 * `why_not` says why. */
#ifndef KSNAP_CAPTURE_TARGET_H
#define KSNAP_CAPTURE_TARGET_H

#include "capture/kernel_op.h"
#include "capture/probe.h"
#include "capture/watch.h"
#include "ksnap.h"
#include "report/builder.h"

struct target;

/* The hit of a watch that a capture follows. */
struct capture_cause {
	bool is_joined;        /* of a watch that another worker armed */
	const char *id;        /* "<bridge>/<watch id>#<n>" */
	uint64_t watch;        /* the watch's id */
	uint64_t mono_ns;      /* when the hit happened; 0: by another host's clock */
	uint64_t missed;       /* told hits before it without a capture */
	struct wire_slice hit; /* its msgpack map, to go into the report */
};

struct capture_request {
	const char *tag;
	const char *const *maps; /* globs, id:N, obj:NAME, leading ! denies */
	size_t nmaps;            /* 0: all but ksnap's own */
	bool progs;
	unsigned chase; /* pointers deep to follow; 0 of a target whose ops do not say `chases` */
	bool has_step;
	uint16_t step;
	uint64_t deadline_mono_ns;         /* stop reading here and say so */
	const struct capture_cause *cause; /* NULL: an op asked for it */
};

#define FREEZE_PATH_MAX 4096 /* bytes of a cgroup's path, with its NUL */

/* A process that must not stand still. */
struct spared {
	uint64_t pid;
	const char *who; /* in words */
};

struct freeze_request {
	const char *cgroup;
	const char *by; /* who asks, in words */
	const struct spared *spared;
	size_t nspared;
	bool shared; /* one that is frozen by this target already will do */
	uint64_t deadline_mono_ns;
};

struct target_ops {
	/* "live", "guest", "core", "fixture": the part of a target's name before ':'. */
	const char *kind;

	/* Make a target from what follows "kind:" in its name ("" when nothing does). May block.
	 * E_ARG: the options are wrong. Must not need privileges; accessor_init may. */
	struct target *(*open)(const char *options, struct ksnap_err *err);

	/* Load symbols and types. Called once after open and again when the target changed (a new
	 * BPF object). May block up to 60 s. A failed first one is permanent. */
	int (*accessor_init)(struct target *t, struct ksnap_err *err);

	/* Read the target into @rb, which has begun a report, and leave finishing to the caller.
	 * What cannot be read becomes a reason. Negative: there is no report at all. May block. */
	int (*capture)(struct target *t, const struct capture_request *rq,
		       struct report_builder *rb, struct ksnap_err *err);

	/* Ids of a cgroup's processes, or with @threads of all its threads, malloc'd. E_NOTFOUND:
	 * no such cgroup. */
	int (*procs)(struct target *t, const char *cgroup, bool threads, uint32_t **ret,
		     size_t *ret_n, struct ksnap_err *err);

	/* Load a BPF object file and attach its programs under @name. Its maps and programs live
	 * until detach or close. The reply, a msgpack map {maps, progs, map_names, prog_names}, is
	 * appended to @reply. */
	int (*attach)(struct target *t, const char *name, const void *elf, size_t len,
		      struct buf *reply, struct ksnap_err *err);
	/* Put another one in its place, or leave all as it was. E_NOTFOUND: nothing is attached
	 * under
	 * @name. */
	int (*replace)(struct target *t, const char *name, const void *elf, size_t len,
		       struct buf *reply, struct ksnap_err *err);
	int (*detach)(struct target *t, const char *name, struct ksnap_err *err);

	/* Stop all tasks of a cgroup, and be sure that they stand still: 0; or 1 when it was frozen
	 * before (rq->shared). @ret, when not NULL, gets the one name that this cgroup has here.
	 * It is thawed by thaw, by close, and by the end of the process. Blocks until the deadline.
	 * E_STATE: frozen by somebody else, or somebody spared is in it. */
	int (*freeze)(struct target *t, const struct freeze_request *rq, char ret[FREEZE_PATH_MAX],
		      struct ksnap_err *err);
	/* @above, when not NULL, gets the path of the nearest cgroup above it that is frozen, too,
	 * so that this one stands still yet; "" when there is none, as the caller sets it. */
	int (*thaw)(struct target *t, const char *cgroup, char above[FREEZE_PATH_MAX],
		    struct ksnap_err *err);

	/* Read what @at names: *ret is a number, or bytes that are in @room, an empty buffer.
	 * E_NOTFOUND: no such symbol, key or task; E_ARG: the width does not fit; E_TARGET: nothing
	 * is mapped there. */
	int (*read)(struct target *t, const struct kernel_at *at, struct kernel_width width,
		    struct buf *room, struct kernel_value *ret, struct ksnap_err *err);
	/* Write it; no byte beside it is touched. E_UNSUPPORTED: this memory cannot be written; the
	 * others as above. */
	int (*write)(struct target *t, const struct kernel_at *at, struct kernel_width width,
		     const struct kernel_value *value, struct ksnap_err *err);

	/* Stop all of it for the length of a job, and let it go on. Only for targets that can:
	 * others need a cgroup for that, or stand still anyway. */
	int (*halt)(struct target *t, struct ksnap_err *err);
	int (*resume)(struct target *t, struct ksnap_err *err);

	/* Tell of writes to what the symbol names, until disarm or close. On failure nothing is
	 * armed. May block. E_NOTFOUND: no such symbol; E_ARG: its place cannot be watched in this
	 * width; E_LIMIT: no register is free. */
	int (*arm)(struct target *t, const struct watch_request *rq, struct watch_place *ret,
		   struct ksnap_err *err);
	/* @ret gets the totals. E_NOTFOUND: no such watch, or it has disarmed itself. */
	int (*disarm)(struct target *t, uint64_t id, struct watch_counts *ret,
		      struct ksnap_err *err);
	/* The totals of a watch so far; errors as disarm. */
	int (*watch_counts)(struct target *t, uint64_t id, struct watch_counts *ret,
			    struct ksnap_err *err);
	/* Readable: call watch_next until it returns 0. The same one for the target's life; -1:
	 * there is none. */
	int (*watch_fd)(struct target *t);
	/* Never blocks. 1 with the next piece of news, or 0: there is no more. */
	int (*watch_next)(struct target *t, struct watch_news *ret);

	/* Never blocks for long; NULL is accepted. */
	void (*close)(struct target *t);

	/* Facts for the report's head: host, kernel, boot_id, cpus. Static strings of the target.
	 */
	void (*describe)(struct target *t, struct report_info *info);

	bool chases;       /* capture follows pointers when asked */
	bool stands_still; /* nothing changes while a job runs: cold ops need no cgroup */

	const char *why_not; /* why NULL slots are NULL */

	/* What this machine must have for it; NULL: only opening it tells. */
	const struct probe *probes;
};

extern const struct target_ops target_live;
extern const struct target_ops target_guest;
extern const struct target_ops target_core;
extern const struct target_ops target_fixture;

/* The ops of "kind" or "kind:options", *ret_options pointing behind the colon; NULL with E_ARG
 * listing the kinds there are. */
const struct target_ops *target_find(const char *name, const char **ret_options,
				     struct ksnap_err *err);

#endif
