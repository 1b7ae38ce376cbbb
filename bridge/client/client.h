/* SPDX-License-Identifier: MIT */
/* client.h - what the subscriber needs of a client, beyond ksnap.h. */
#ifndef KSNAP_CLIENT_CLIENT_H
#define KSNAP_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "ksnap.h"
#include "wire/curve.h"

/* The client's own time on top of a request's deadline, so that the broker's word comes first. */
#define CLIENT_GRACE_MS 1000

/* How long an answer is awaited at most before @stop of client_set_stop is asked. */
#define CLIENT_LOOK_MS 50

/* Have what awaits an answer of @c ask @stop now and then, and whenever a signal came: when it says
 * so the call fails with E_STATE. Its answer, which may still come, is skipped by the next. */
void client_set_stop(struct ksnap_client *c, bool (*stop)(void *arg), void *arg);
/* The ZeroMQ context of @c; it lives as long as the client. */
void *client_context(const struct ksnap_client *c);
/* The keys of @c, for its other connections. */
const struct curve_link *client_curve(const struct ksnap_client *c);
/* The heartbeat the broker named. */
uint64_t client_heartbeat_ms(const struct ksnap_client *c);
/* Messages received that answered nothing that was asked at the time: late, or not readable. */
uint64_t client_skipped(const struct ksnap_client *c);

#endif
