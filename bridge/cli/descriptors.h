/* SPDX-License-Identifier: MIT */
/* descriptors.h - how many files a broker, or a worker, may have open.
 *
 * The soft limit is mostly 1024, for the sake of programs that call select(), which neither does.
 * A worker has a descriptor for every CPU for each watch, and raises it to the hard limit.
 *
 * A broker has one for each connection, and raises it to 2048 at most: with every answer to a
 * heartbeat libzmq looks for a timer among those of all connections, one after the other, so what
 * they take of its thread grows with their square. 8000 of them left nobody else an answer.
 * Whoever started it with a higher soft limit has that. */
#ifndef KSNAP_CLI_DESCRIPTORS_H
#define KSNAP_CLI_DESCRIPTORS_H

#include <stdint.h>

/* How many a broker would have that this process began to serve. */
uint64_t descriptors_of_broker(void);
void descriptors_raise_for_broker(void);
/* As many as the hard limit lets it. */
void descriptors_raise(void);

#endif
