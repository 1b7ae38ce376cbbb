/* SPDX-License-Identifier: MIT */
/* observed.h - a machine that is looked at from outside: its memory, and the kernel in it. What a
 * guest and a core dump have in common. */
#ifndef KSNAP_CAPTURE_OUTSIDE_OBSERVED_H
#define KSNAP_CAPTURE_OUTSIDE_OBSERVED_H

#include "capture/outside/map_list.h"
#include "capture/outside/options.h"
#include "capture/outside/registers.h"
#include "capture/target.h"

struct observed {
	struct outside_options opts; /* with vmlinux, kallsyms, btf */
	struct physical mem;         /* to be opened by its owner */
	struct kernel kernel;
	bool has_kernel;
	struct seen seen; /* its maps and programs */
};

#define OBSERVED_INIT ((struct observed){ .mem = PHYSICAL_INIT })

void observed_fini(struct observed *o);
/* Find the kernel anew: the one whose tables are in the CR3 of a CPU, where @ncr3 of these are
 * known. Errors as kernel_open; E_TARGET too when the memory's file shrank. */
int observed_find_kernel(struct observed *o, const uint64_t *cr3, size_t ncr3,
			 struct ksnap_err *err);
void observed_lose_kernel(struct observed *o);

/* The whole of target_ops.capture, with what the first @nregs CPUs have in their registers. The
 * kernel has been found. */
int observed_capture(struct observed *o, const struct capture_request *rq,
		     uint64_t deadline_mono_ns, const struct registers *regs, size_t nregs,
		     struct report_builder *rb, struct ksnap_err *err);
void observed_describe(const struct observed *o, struct report_info *info);

/* That of target_ops; the kernel has been found. */
int observed_procs(struct observed *o, const char *cgroup, bool threads, uint32_t **ret,
		   size_t *ret_n, struct ksnap_err *err);
/* Those of target_ops; the kernel has been found. */
int observed_read(struct observed *o, const struct kernel_at *at, struct kernel_width width,
		  struct buf *room, struct kernel_value *ret, struct ksnap_err *err);
int observed_write(struct observed *o, const struct kernel_at *at, struct kernel_width width,
		   const struct kernel_value *value, struct ksnap_err *err);

#endif
