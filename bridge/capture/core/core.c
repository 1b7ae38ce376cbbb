// SPDX-License-Identifier: MIT
/* core.c - a core dump as a target: core:FILE[,vmlinux=F|kallsyms=F][,btf=F]. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/outside/map_report.h"
#include "capture/outside/options.h"
#include "capture/outside/spot.h"
#include "capture/outside/tasks.h"
#include "capture/target.h"

struct target {
	struct outside_options opts;
	struct physical mem;
	struct kernel kernel;
	bool is_ready;
	struct seen seen;
};

static void close_core(struct target *t)
{
	if (!t)
		return;
	seen_fini(&t->seen);
	kernel_close(&t->kernel);
	physical_close(&t->mem);
	outside_options_fini(&t->opts);
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
	t->mem = PHYSICAL_INIT;
	if (!outside_options_parse(&t->opts, "core:FILE", options, takes, err))
		return t;
	close_core(t);
	return NULL;
}

static int init_core(struct target *t, struct ksnap_err *err)
{
	const struct image_source src = { outside_option(&t->opts, "vmlinux"),
					  outside_option(&t->opts, "kallsyms") };
	int ret = 0;

	if (t->is_ready)
		return 0;
	if (!t->mem.map)
		ret = physical_open_core(&t->mem, t->opts.first, err);
	if (!ret)
		ret = kernel_open(&t->kernel, &t->mem, &src, outside_option(&t->opts, "btf"), err);
	t->is_ready = !ret;
	return ret;
}

static int say_cut(const struct target *t, struct report_builder *rb)
{
	if (!t->mem.missing)
		return 0;
	return report_reason(rb, "map_partial", NULL, t->mem.size + t->mem.missing, t->mem.size,
			     "%s is cut short: %llu bytes of memory are not in it", t->opts.first,
			     (unsigned long long)t->mem.missing);
}

static int report_state(struct target *t, uint64_t deadline, struct report_builder *rb,
			struct ksnap_err *err)
{
	_free_ struct registers *regs = calloc(t->kernel.ncpu, sizeof(*regs));
	size_t n;
	int ret;

	if (!regs)
		return err_nomem(err);
	n = registers_from_notes(t->mem.notes, t->mem.notes_len, regs, t->kernel.ncpu);
	ret = cpus_report(&t->kernel, regs, n, rb, err);
	return ret ? ret : tasks_report(&t->kernel, deadline, rb, err);
}

static int capture_core(struct target *t, const struct capture_request *rq,
			struct report_builder *rb, struct ksnap_err *err)
{
	struct selection sel;
	int ret = selection_init(&sel, rq->maps, rq->nmaps, err);

	if (!ret)
		ret = physical_check(&t->mem, err);
	if (ret)
		return ret;
	btf_types_begin(t->kernel.types);
	ret = say_cut(t, rb);
	if (!ret)
		ret = seen_capture(&t->seen, &t->kernel, &sel, rq->progs, rq->deadline_mono_ns, rb,
				   err);
	if (!ret && rq->progs)
		ret = report_state(t, rq->deadline_mono_ns, rb, err);
	return ret ? ret : selection_report_misses(&sel, rb);
}

static void describe_core(struct target *t, struct report_info *info)
{
	info->consistency = "stopped";
	if (!t->is_ready)
		return;
	info->host = t->kernel.host;
	info->kernel = t->kernel.image.release;
	info->cpus = t->kernel.ncpu;
}

static int read_memory(struct target *t, const struct kernel_at *at, struct kernel_width width,
		       struct buf *room, struct kernel_value *ret, struct ksnap_err *err)
{
	struct spot s;
	int code = physical_check(&t->mem, err);

	if (!code)
		code = spot_find(&t->kernel, &t->seen, at, &s, err);
	return code ? code : spot_read(&t->kernel, &s, width, room, ret, err);
}

const struct target_ops target_core = {
	.kind = "core",
	.open = open_core,
	.accessor_init = init_core,
	.capture = capture_core,
	.read = read_memory,
	.stands_still = true,
	.close = close_core,
	.describe = describe_core,
	.why_not = "a core dump is what a kernel left behind: it can be read, and nothing else",
};
