/* SPDX-License-Identifier: MIT */
/* metrics.h - the reply of the op status as OpenMetrics text. */
#ifndef KSNAP_CLI_METRICS_H
#define KSNAP_CLI_METRICS_H

#include <msgpack.h>

#include "base/buf.h"
#include "ksnap.h"

/* Every family of names, with help, type and unit, and "# EOF" at the end. Names and labels stay as
 * they are for ever; new ones may come. */
void metrics_append(struct buf *out, const msgpack_object *status);
/* The same to stdout. */
int metrics_print(const struct ksnap_reply *reply, struct ksnap_err *err);

#endif
