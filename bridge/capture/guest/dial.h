/* SPDX-License-Identifier: MIT */
/* dial.h - connect to a socket of qemu's, for no longer than one can wait.
 *
 * qemu takes one client a socket: the next one waits before its door, and when that is full,
 * connecting alone may take for ever. */
#ifndef KSNAP_CAPTURE_GUEST_DIAL_H
#define KSNAP_CAPTURE_GUEST_DIAL_H

#include <stdint.h>

#include "ksnap.h"

/* What errors say of the other side. */
struct dial_words {
	const char *path; /* "the QMP socket's path" */
	const char *peer; /* "qemu" */
};

/* Both return a descriptor, on which send fails with EAGAIN when qemu takes nothing for long; or
 * E_TIMEOUT: too many wait there already; E_TARGET: nobody listens;
 * E_ARG: it is no address. */
int dial_path(const char *path, const struct dial_words *words, uint64_t deadline_mono_ns,
	      struct ksnap_err *err);
/* @at is host:port. */
int dial_host(const char *at, const struct dial_words *words, uint64_t deadline_mono_ns,
	      struct ksnap_err *err);

#endif
