/* SPDX-License-Identifier: MIT */
/* watch_set.h - the watches of one worker: armed in debug registers, told at their rate, counted
 * without a gap.
 *
 * hits = told + suppressed, always: perf counts every trap, whether it runs the program or not.
 * Those for which it did not are `unseen`, among the suppressed ones.
 */
#ifndef KSNAP_CAPTURE_LIVE_WATCH_SET_H
#define KSNAP_CAPTURE_LIVE_WATCH_SET_H

#include "capture/bpf/watch.h"
#include "capture/btf.h"
#include "capture/live/code_names.h"
#include "capture/watch.h"
#include "ksnap.h"

struct watch_set {
	int epoll, timer; /* what watch_fd gives; -1: not made */
	int cpus;         /* cpu_news, while something is armed; -1: there are none */
	struct watch_prog *prog;
	struct armed *first;
	struct buf records; /* taken from the ring, not told yet */
	size_t told_at;     /* in records */
	struct buf hit;     /* of the last news */
	struct code_names *code;
	struct btf_types *types;
};

/* Not initialised, and accepted by fini. */
#define WATCH_SET_INIT ((struct watch_set){ .epoll = -1, .timer = -1, .cpus = -1 })

/* Where a symbol is, found by others. */
struct watch_memory {
	uint64_t addr;
	unsigned len;
	bool is_signed; /* what is there, by its type */
	uint64_t now;   /* its value before anything was written */
};

/* Asked once a quarter of a second while the watch is armed: a word why it must end, or NULL. */
typedef const char *(*watch_gone_fn)(void *arg);

/* Makes the descriptor only. @code, read by the caller before an arm, and @types are borrowed; NULL
 * for @types: the kernel's BTF is not used, and hits cost a little more. */
int watch_set_init(struct watch_set *s, struct code_names *code, struct btf_types *types,
		   struct ksnap_err *err);
void watch_set_fini(struct watch_set *s);
/* Let the descriptor be readable when @fd is, too. */
int watch_set_poll(struct watch_set *s, int fd, struct ksnap_err *err);

/* What arming needs that takes long, the first time: the program, and what a trap costs here. */
int watch_set_prepare(struct watch_set *s, struct ksnap_err *err);
/* E_LIMIT: no register, or WATCH_SLOTS. @gone with @arg may be NULL; @release, when not NULL, is
 * called with @arg when the watch is over, also when this fails. */
int watch_set_arm(struct watch_set *s, const struct watch_request *rq,
		  const struct watch_memory *at, watch_gone_fn gone, void (*release)(void *arg),
		  void *arg, struct watch_place *ret, struct ksnap_err *err);
int watch_set_disarm(struct watch_set *s, uint64_t id, struct watch_counts *ret,
		     struct ksnap_err *err);
int watch_set_counts(struct watch_set *s, uint64_t id, struct watch_counts *ret,
		     struct ksnap_err *err);
/* As target_ops.watch_next. */
int watch_set_next(struct watch_set *s, struct watch_news *ret);

#endif
