/* SPDX-License-Identifier: MIT */
/* qmp.h - a client of QEMU's monitor protocol, on a UNIX socket.
 *
 * qemu talks to one client a socket: give ksnap one of its own. Answers are told by their id, so
 * one that comes too late is not taken for the next. */
#ifndef KSNAP_CAPTURE_GUEST_QMP_H
#define KSNAP_CAPTURE_GUEST_QMP_H

#include "base/buf.h"
#include "capture/guest/json.h"
#include "ksnap.h"

#define QMP_LINE_MAX (4u << 20) /* bytes of one message */

struct qmp {
	int fd; /* -1: not connected */
	uint64_t next_id;
	uint64_t resets; /* RESET events so far: the guest was rebooted */
	struct buf in;   /* what was received */
	size_t taken;    /* of it, by the last message */
};

#define QMP_INIT ((struct qmp){ .fd = -1, .next_id = 1 })

/* Connect, read the greeting, negotiate. E_TARGET: nobody listens, or it is not QMP; E_BUSY:
 * another client has the socket; E_TIMEOUT. */
int qmp_open(struct qmp *q, const char *path, uint64_t deadline_mono_ns, struct ksnap_err *err);
void qmp_close(struct qmp *q);
/* Take what qemu has said meanwhile: RESET events, or that it is gone, which closes. Never blocks.
 */
void qmp_listen(struct qmp *q);

/* Execute @command with @arguments, a JSON object or NULL. *ret, which may be NULL, is what it
 * returns, good until the next call. E_TARGET: qemu refuses, or is gone (then the connection is
 * closed); E_UNSUPPORTED: it has no such command; E_TIMEOUT. */
int qmp_call(struct qmp *q, const char *command, const char *arguments, uint64_t deadline_mono_ns,
	     struct json *ret, struct ksnap_err *err);

#endif
