/* SPDX-License-Identifier: MIT */
/* hit.h - the hit of a watch: what a report that follows one, and a live message, hold of it. */
#ifndef KSNAP_REPORT_HIT_H
#define KSNAP_REPORT_HIT_H

#include <msgpack.h>

#include "ksnap.h"

/* From a decoded report_hit. E_PROTO: it is none. */
int hit_read(const msgpack_object *o, struct ksnap_hit *ret, struct ksnap_err *err);
/* Frame @i of the same; false: there are fewer, or it is none. */
bool hit_frame(const msgpack_object *o, size_t i, struct ksnap_frame *ret);

#endif
