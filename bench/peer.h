/* SPDX-License-Identifier: MIT */
/* peer.h - the other end: a broker, a raw ROUTER that echoes, or one that hands on to a raw PUB, in
 * a process of its own. */
#ifndef KSNAP_BENCH_PEER_H
#define KSNAP_BENCH_PEER_H

#include <sys/types.h>

struct peer {
	pid_t pid;
	char endpoint[256]; /* where it is bound */
};

/* Start before this process has threads. @endpoint may end in ":*". 0, or -1 and told. */
int peer_broker(struct peer *p, const char *endpoint, const char *live, const char *work);
int peer_echo(struct peer *p, const char *endpoint);
/* Requests of two frames come; [topic] [first frame] [second frame] go out on @live, the first
 * frame goes back. */
int peer_relay(struct peer *p, const char *endpoint, const char *live, const char *topic);
void peer_stop(struct peer *p);
/* A folder for sockets, made once, removed at exit. NULL and told. */
const char *peer_folder(void);

#endif
