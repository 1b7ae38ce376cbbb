/* SPDX-License-Identifier: MIT */
/* privilege.h - what to say when the kernel says EPERM. */
#ifndef KSNAP_CAPTURE_LIVE_PRIVILEGE_H
#define KSNAP_CAPTURE_LIVE_PRIVILEGE_H

#include <stddef.h>

#include "ksnap.h"

/* E_DENIED: names the capabilities that this process lacks for @what, and what works without. */
int privilege_denied(struct ksnap_err *err, const char *what);
/* The names of the capabilities that BPF needs and this process lacks, "" when it has all. */
void privilege_missing(char *buf, size_t cap);
/* Does this process lack a capability that BPF needs? */
bool privilege_is_lacking(void);
/* The failure of a bpf() call: privilege_denied for EPERM and EACCES, else E_TARGET with the errno.
 */
int privilege_or_target(struct ksnap_err *err, int errnum, const char *what);

#endif
