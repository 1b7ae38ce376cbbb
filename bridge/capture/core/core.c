// SPDX-License-Identifier: MIT
/* core.c - a core dump as a target: core:FILE[,vmlinux=F|kallsyms=F][,btf=F]. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/outside/observed.h"

struct target {
	struct observed machine;
};

static void close_core(struct target *t)
{
	if (!t)
		return;
	observed_fini(&t->machine);
	free(t);
}

static struct target *open_core(const char *options, struct ksnap_err *err)
{
	static const char *const takes[] = { "vmlinux", "kallsyms", "btf", NULL };
	struct target *t = calloc(1, sizeof(*t));

	if (!t) {
		err_nomem(err);
		return NULL;
	}
	t->machine = OBSERVED_INIT;
	if (!outside_options_parse(&t->machine.opts, "core:FILE", options, takes, err))
		return t;
	close_core(t);
	return NULL;
}

static int init_core(struct target *t, struct ksnap_err *err)
{
	int ret = 0;

	if (t->machine.has_kernel)
		return 0;
	if (!t->machine.mem.map)
		ret = physical_open_core(&t->machine.mem, t->machine.opts.first, err);
	return ret ? ret : observed_find_kernel(&t->machine, NULL, 0, err);
}

static int capture_core(struct target *t, const struct capture_request *rq,
			struct report_builder *rb, struct ksnap_err *err)
{
	struct observed *o = &t->machine;
	_free_ struct registers *regs = calloc(o->kernel.ncpu, sizeof(*regs));
	int ret = regs ? physical_check(&o->mem, err) : err_nomem(err);
	size_t n = 0;

	if (ret)
		return ret;
	if (rq->progs)
		n = registers_from_notes(o->mem.notes, o->mem.notes_len, regs, o->kernel.ncpu);
	return observed_capture(o, rq, rq->deadline_mono_ns, regs, n, rb, err);
}

static int list_procs(struct target *t, const char *cgroup, bool threads, uint32_t **ret,
		      size_t *ret_n, struct ksnap_err *err)
{
	int code = physical_check(&t->machine.mem, err);

	return code ? code : observed_procs(&t->machine, cgroup, threads, ret, ret_n, err);
}

static void describe_core(struct target *t, struct report_info *info)
{
	observed_describe(&t->machine, info);
}

static int read_memory(struct target *t, const struct kernel_at *at, struct kernel_width width,
		       struct buf *room, struct kernel_value *ret, struct ksnap_err *err)
{
	int code = physical_check(&t->machine.mem, err);

	return code ? code : observed_read(&t->machine, at, width, room, ret, err);
}

const struct target_ops target_core = {
	.kind = "core",
	.open = open_core,
	.accessor_init = init_core,
	.capture = capture_core,
	.procs = list_procs,
	.read = read_memory,
	.stands_still = true,
	.close = close_core,
	.describe = describe_core,
	.why_not = "a core dump is what a kernel left behind: it stands still for ever, and can be "
		   "read only",
};
