/* SPDX-License-Identifier: MIT */
/* rival.h - another server to be measured beside, and one connection to it.
 *
 * Its protocol is lines, written in one go and read one by one; redis.c and nats.c speak the two
 * that there are. Whatever fails is told. */
#ifndef KSNAP_BENCH_RIVAL_H
#define KSNAP_BENCH_RIVAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

struct rival {
	pid_t pid;
	int fd;
	char folder[64]; /* its own, for sockets and the like */
	struct buf out;
	char in[1 << 16];
	size_t len, at; /* bytes in @in; where the next line begins */
};

/* Is @program installed, also where only root looks? */
bool rival_is_there(const char *program);
/* Make the folder. 0 or -1. */
int rival_init(struct rival *r);
/* Start it, silent. 0 or -1. */
int rival_spawn(struct rival *r, const char *const *argv);
/* Connect as soon as it listens: to a Unix socket, or a port on loopback. 0 or -1. */
int rival_connect_unix(struct rival *r, const char *path);
int rival_connect_port(struct rival *r, unsigned port);
/* Send what is in @out. 0 or -1. */
int rival_flush(struct rival *r);
/* The next line without its end, good until the next call; waits for it. NULL: the connection
 * broke. */
char *rival_line(struct rival *r);
/* Is a whole line there already? */
bool rival_has_line(const struct rival *r);
/* One connection, of which there may be more to the same server. */
void rival_close(struct rival *r);
/* End it and remove the folder with all that is in it. */
void rival_stop(struct rival *r);

#endif
