/* SPDX-License-Identifier: MIT */
/* zap.h - the answer to libzmq's question whether a key may connect (ZeroMQ RFC 27), on the
 * broker's loop, and the count of who was not let in.
 *
 * The user id of a peer is its public key; what it may do is looked up for each of its messages, so
 * that a key that was taken out of the file is worth nothing at once. */
#ifndef KSNAP_BROKER_ZAP_H
#define KSNAP_BROKER_ZAP_H

#include "broker/keys.h"
#include "broker/parts.h"
#include "wire/frames.h"
#include "wire/handshake.h"

struct zap;
struct bound;

/* ZAP domains: which socket is asked for. */
#define ZAP_CONTROL "control"
#define ZAP_LIVE    "live"
#define ZAP_WORK    "work"

/* Before any socket is bound. E_STATE: another handler is in this context. */
struct zap *zap_create(struct broker *b, const struct broker_opts *opts, struct ksnap_err *err);
/* After all sockets. */
void zap_destroy(struct zap *z);
/* Read the file again. On failure the keys stay as they were. *@ret_lost: a key lost its rights. */
int zap_reload(struct zap *z, bool *ret_lost, struct ksnap_err *err);
/* Whose key it is; NULL: nobody's, or (with @z NULL) nobody is asked. */
const struct key_row *zap_find(const struct zap *z, const char *user);
/* Settle the user of a message that @from received: without keys it is nobody, whatever the peer
 * wrote into its handshake; a thread of ours, which has none, is local. */
void zap_name(const struct zap *z, const struct bound *from, char user[FRAMES_USER + 1]);
/* Whether @user came by an endpoint without keys: whoever may open the socket file. */
bool zap_is_local(const struct zap *z, const char *user);
/* A handshake with @address failed: it is counted and logged. */
void zap_failed(struct zap *z, enum handshake_event e, const char *address);
/* Say how many refusals were not logged; call it every heartbeat. */
void zap_tick(struct zap *z);
/* Handshakes that failed so far. */
uint64_t zap_refused(const struct zap *z);

#endif
