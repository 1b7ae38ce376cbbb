/* SPDX-License-Identifier: MIT */
/* kernel_op.h - reads of the running kernel's memory, writes of its BPF maps. */
#ifndef KSNAP_CAPTURE_LIVE_KERNEL_OP_H
#define KSNAP_CAPTURE_LIVE_KERNEL_OP_H

#include "capture/target.h"

/* As target.h says of read and write. */
int live_kernel_read(struct target *t, const struct kernel_at *at, struct kernel_width width,
		     struct buf *room, struct kernel_value *ret, struct ksnap_err *err);
int live_kernel_write(struct target *t, const struct kernel_at *at, struct kernel_width width,
		      const struct kernel_value *value, struct ksnap_err *err);

#endif
