/* SPDX-License-Identifier: MIT */
/* watch_prog.h - the BPF program behind all watches of a worker, and the ring its hits come by. */
#ifndef KSNAP_CAPTURE_LIVE_WATCH_PROG_H
#define KSNAP_CAPTURE_LIVE_WATCH_PROG_H

#include <bpf/btf.h>

#include "capture/bpf/watch.h"
#include "ksnap.h"

struct watch_prog;

/* @tell is called by watch_prog_read for each record, in order. @kernel, its BTF, which is not
 * kept, makes hits cheaper; NULL: it is not known. E_DENIED, E_TARGET. */
struct watch_prog *watch_prog_create(const struct btf *kernel,
				     void (*tell)(void *arg, const struct watch_record *r),
				     void *arg, struct ksnap_err *err);
void watch_prog_destroy(struct watch_prog *p);

/* For breakpoint_open. */
int watch_prog_fd(const struct watch_prog *p);
/* What the program and this process share; a slot is free when its len is 0. */
struct watch_slot *watch_prog_slot(struct watch_prog *p, unsigned index);
/* Before a slot is used: no CPU has seen anything of it. */
int watch_prog_forget(struct watch_prog *p, unsigned index, struct ksnap_err *err);
/* Readable when there are records. */
int watch_prog_ring_fd(const struct watch_prog *p);
/* Hand over what has come. Never blocks. */
void watch_prog_read(struct watch_prog *p);
/* Write a watched variable many times, with a register and without: nanoseconds that a hit costs
 * the writer. Needs a free register; 0 when it cannot be found out. Measured once. */
uint64_t watch_prog_trap_ns(struct watch_prog *p);

#endif
