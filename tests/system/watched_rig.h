/* SPDX-License-Identifier: MIT */
/* watched_rig.h - the object whose variables the tests of watches watch, and what hits of it say.
 * Fails the test that calls it on every error. */
#ifndef KSNAP_TESTS_WATCHED_RIG_H
#define KSNAP_TESTS_WATCHED_RIG_H

#include "capture/watch.h"
#include "live_rig.h"

/* Have the program @name of @obj, which is tests/bpf/watched.bpf.c, write its variable @times;
 * where that is. */
uint64_t watched_write(struct bpf_object *obj, const char *name, uint64_t times);
/* What @n, a hit, says. */
struct ksnap_hit watched_hit(const struct watch_news *n);

#endif
