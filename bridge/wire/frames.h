/* SPDX-License-Identifier: MIT */
/* frames.h - one multipart ZeroMQ message as a list of blobs.
 *
 * Receiving moves each part into a blob and sending shares the blob with ZeroMQ, so bytes are
 * never copied here: over inproc:// a report keeps its address from the worker to the reader. */
#ifndef KSNAP_WIRE_FRAMES_H
#define KSNAP_WIRE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "ksnap.h"

#define FRAMES_MAX 24 /* routing id, delimiter, envelope, MAX_BLOBS blobs, and some */

#define FRAMES_USER 40 /* bytes of a user id */

struct frames {
	size_t n;
	bool no_users;              /* set before a receipt: nobody says who anybody is */
	bool wants_fd;              /* set before a receipt: @fd is looked for */
	int fd;                     /* received: of the connection it came by; -1: by none */
	char user[FRAMES_USER + 1]; /* received: who the ZAP handler said it is; "" nobody */
	struct ksnap_blob *part[FRAMES_MAX];
};

/* Take one waiting message. 1: got it; 0: none waits; KSNAP_E_PROTO: more than FRAMES_MAX parts
 * (all read off, the first FRAMES_MAX kept so that the sender can be answered); other negative
 * codes: the socket failed. Clear @f afterwards in every case but 0. */
int frames_recv(void *socket, struct frames *f, struct ksnap_err *err);
/* Append a blob; the reference passes to @f (also on failure). @blob NULL counts as out of memory.
 */
int frames_push(struct frames *f, struct ksnap_blob *blob);
/* Append a copy of small bytes. */
int frames_push_copy(struct frames *f, const void *data, size_t len);
/* Send all parts without blocking; @f keeps its references. KSNAP_E_BUSY: the peer's queue is
 * full; KSNAP_E_UNREACHABLE: ROUTER knows no such peer. Nothing is sent on failure. */
int frames_send(void *socket, const struct frames *f, struct ksnap_err *err);
/* The same for any number of parts. */
int frames_send_list(void *socket, struct ksnap_blob *const *parts, size_t n,
		     struct ksnap_err *err);
/* @to, which need not be initialized, takes the parts and the user of @from over. */
void frames_move(struct frames *to, struct frames *from);
void frames_clear(struct frames *f);

#define _frames_ __attribute__((cleanup(frames_clear)))

#endif
