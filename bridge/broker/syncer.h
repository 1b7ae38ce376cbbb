/* SPDX-License-Identifier: MIT */
/* syncer.h - a thread that brings written segments to the disk, so that the broker's does not wait
 * for it. It holds no queue: only how far to go, and how far it came. */
#ifndef KSNAP_BROKER_SYNCER_H
#define KSNAP_BROKER_SYNCER_H

#include "broker/segment.h"

struct syncer;

/* @folder: descriptor of the folder with the segments, borrowed. @from: all before it counts as
 * being on disk. */
struct syncer *syncer_create(int folder, struct segment_at from, struct ksnap_err *err);
/* Ends the thread once it has done what it was asked for. */
void syncer_destroy(struct syncer *s);
/* Bring everything before @upto to the disk, some time. */
void syncer_ask(struct syncer *s, struct segment_at upto);
/* The same, and wait for it. */
void syncer_wait(struct syncer *s, struct segment_at upto);
/* How far it came. */
struct segment_at syncer_done(struct syncer *s);
/* Did syncing fail since the last call? Then what was not done by then may be lost and has to be
 * written anew, to other files. */
int syncer_failed(struct syncer *s, struct ksnap_err *err);

#endif
