/* SPDX-License-Identifier: MIT */
/* backend.h - is a file what qemu backs the guest's memory with? */
#ifndef KSNAP_CAPTURE_GUEST_BACKEND_H
#define KSNAP_CAPTURE_GUEST_BACKEND_H

#include <stdint.h>

#include "capture/guest/qmp.h"

/* Ask qemu. E_ARG: it is another file, or qemu keeps what the guest writes to itself (share=off). A
 * qemu that does not tell, or that names what cannot be seen from here, is believed. */
int backend_check(struct qmp *q, const char *path, uint64_t deadline_mono_ns,
		  struct ksnap_err *err);

#endif
