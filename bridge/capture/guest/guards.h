/* SPDX-License-Identifier: MIT */
/* guards.h - when a child is killed that lets the guest go on once this process is gone, another
 * one takes its place: one is there while the guest is frozen, one while its stub is connected.
 *
 * The end of such a child is news of the target, as hits are. */
#ifndef KSNAP_CAPTURE_GUEST_GUARDS_H
#define KSNAP_CAPTURE_GUEST_GUARDS_H

#include "ksnap.h"

struct target;

/* Have those that are there now looked after. */
int guards_await(struct target *t, struct ksnap_err *err);
/* Without another one nothing is held: what is frozen goes on, watches are over (guard_lost). */
void guards_look(struct target *t);

#endif
