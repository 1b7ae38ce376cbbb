/* SPDX-License-Identifier: MIT */
/* pings.h - two things that a peer may not say, for libzmq believes them.
 *
 * libzmq 4.3 answers a PING command with what stands behind its first 7 bytes. Of one of 5 or 6
 * bytes it takes that for a very large number, and sends 16 bytes of its process's memory, to
 * whoever could connect. So this program has a recv() of its own, which follows the frames of
 * connections that were accepted (ZMTP 3.x, its greeting and framing; older ones have no commands),
 * and makes such a PING a command of no name that libzmq knows: it passes over those. Nothing else
 * is changed.
 *
 * Within CURVE commands are encrypted, and not seen here: boxes.h has those. */
#ifndef KSNAP_CLI_PINGS_H
#define KSNAP_CLI_PINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What of the properties of a READY command was seen so far. */
struct pings_ready {
	enum { PINGS_NAME_SIZE, PINGS_NAME, PINGS_VALUE_SIZE, PINGS_VALUE } part;
	bool is_it;    /* so far it is READY, or a property's name Identity */
	unsigned left; /* bytes of this part */
	uint32_t size; /* of the value, so far */
	bool is_first; /* the next byte of the value is */
};

/* What of a connection was seen so far; all zero: nothing. */
struct pings {
	enum { PINGS_GREETING, PINGS_FLAGS, PINGS_LENGTH, PINGS_BODY, PINGS_TOO_OLD } state;
	uint8_t flags, before;
	unsigned need;           /* bytes of the length that are to come */
	uint64_t size, at, left; /* of the body; `at` also of the greeting */
	bool has_begun;          /* the first frame has come */
	bool is_ready;           /* the body is the first frame, and begins as READY does */
	struct pings_ready ready;
};

/* The next bytes of the connection; changes them. */
void pings_pass(struct pings *s, uint8_t *p, size_t n);
/* @fd was accepted: its bytes are followed from here on. -1: memory is out. */
int pings_begin(int fd);
/* It is about to be closed. */
void pings_end(int fd);

#endif
