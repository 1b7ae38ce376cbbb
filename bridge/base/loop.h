/* SPDX-License-Identifier: MIT */
/* loop.h - the one place in a thread that waits.
 *
 * Sockets (ZeroMQ), descriptors and timers call back; callbacks do a bounded amount of work and
 * return. Sources may be added and removed inside callbacks: a removed one is not called again,
 * an added one is polled from the next turn on. */
#ifndef KSNAP_BASE_LOOP_H
#define KSNAP_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "ksnap.h"

struct loop;

typedef void (*loop_fn)(void *arg);

struct loop *loop_create(struct ksnap_err *err);
void loop_destroy(struct loop *l);
/* Look for a while before each sleep (spin.h): for a loop that works together with other threads of
 * this process. */
void loop_spins(struct loop *l);

/* Call @fn whenever @socket (ZeroMQ) has something to read. Returns a source id > 0 or a negative
 * code. */
int loop_add_socket(struct loop *l, void *socket, loop_fn fn, void *arg, struct ksnap_err *err);
/* For who owns a socket and knows of all that is done with it: the last was a receipt that found
 * nothing. The loop then leaves it alone until its descriptor wakes, or until it is used. Who calls
 * one of the two has to tell of every use: a socket that the loop finds empty rests as well. */
void loop_socket_rests(struct loop *l, int id);
/* Anything else was done with it, such as a message sent: that may have taken its wake-up. */
void loop_socket_used(struct loop *l, int id);
/* The same for a descriptor that is readable. */
int loop_add_fd(struct loop *l, int fd, loop_fn fn, void *arg, struct ksnap_err *err);
/* Call @fn every @period_ms, first after one period; missed periods are not made up for. */
int loop_add_timer(struct loop *l, unsigned period_ms, loop_fn fn, void *arg,
		   struct ksnap_err *err);
/* Call @fn once when CLOCK_MONOTONIC reaches @at_ns, then remove it. */
int loop_add_deadline(struct loop *l, uint64_t at_ns, loop_fn fn, void *arg, struct ksnap_err *err);
void loop_remove(struct loop *l, int id);

/* Run until loop_stop(). 0, or a negative code when polling itself fails. */
int loop_run(struct loop *l, struct ksnap_err *err);
/* One turn: wait at most @timeout_ms (-1: for ever), call what is ready. */
int loop_turn(struct loop *l, int timeout_ms, struct ksnap_err *err);
/* From a callback: leave loop_run after this turn. */
void loop_stop(struct loop *l);

#endif
