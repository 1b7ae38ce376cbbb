// SPDX-License-Identifier: MIT
/* observed.c - find the kernel, capture it, read and write in it. */
#include "capture/outside/observed.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/outside/attached.h"
#include "capture/outside/cgroups.h"
#include "capture/outside/map_report.h"
#include "capture/outside/nodes.h"
#include "capture/outside/sched_ext.h"
#include "capture/outside/spot.h"
#include "capture/outside/tasks.h"

void observed_fini(struct observed *o)
{
	seen_fini(&o->seen);
	kernel_close(&o->kernel);
	physical_close(&o->mem);
	outside_options_fini(&o->opts);
	*o = OBSERVED_INIT;
}

void observed_lose_kernel(struct observed *o)
{
	kernel_close(&o->kernel);
	o->has_kernel = false;
}

int observed_find_kernel(struct observed *o, const uint64_t *cr3, size_t ncr3,
			 struct ksnap_err *err)
{
	const struct image_source src = { .vmlinux = outside_option(&o->opts, "vmlinux"),
					  .kallsyms = outside_option(&o->opts, "kallsyms"),
					  .cr3 = cr3,
					  .ncr3 = ncr3 };
	const char *btf = outside_option(&o->opts, "btf");
	int ret;

	observed_lose_kernel(o);
	ret = kernel_open(&o->kernel, &o->mem, &src, btf, err);
	ret = physical_settle(&o->mem, ret, err);
	if (ret)
		observed_lose_kernel(o);
	o->has_kernel = !ret;
	return ret;
}

/* ---- capture --------------------------------------------------------------------------------- */

static int say_cut(const struct observed *o, struct report_builder *rb)
{
	if (!o->mem.missing)
		return 0;
	return report_reason(rb, "map_partial", NULL, o->mem.size + o->mem.missing, o->mem.size,
			     "%s is cut short: %llu bytes of memory are not in it", o->opts.first,
			     (unsigned long long)o->mem.missing);
}

int observed_capture(struct observed *o, const struct capture_request *rq, uint64_t deadline,
		     const struct registers *regs, size_t nregs, struct report_builder *rb,
		     struct ksnap_err *err)
{
	struct kernel *k = &o->kernel;
	struct selection sel;
	int ret = selection_init(&sel, rq->maps, rq->nmaps, err);

	if (ret)
		return ret;
	btf_types_begin(k->types);
	ret = say_cut(o, rb);
	if (!ret)
		ret = seen_capture(&o->seen, k, &sel, rq->progs, deadline, rb, err);
	if (!ret)
		ret = attached_report(k, &o->seen, rq->progs, rb, err);
	if (!ret && rq->progs)
		ret = cpus_report(k, regs, nregs, rb, err);
	if (!ret && rq->progs)
		ret = tasks_report(k, deadline, rb, err);
	if (!ret && rq->progs)
		ret = sched_ext_report(k, deadline, rb, err);
	if (!ret && rq->progs)
		ret = nodes_report(k, rb, err);
	if (!ret)
		ret = selection_report_misses(&sel, rb);
	return physical_settle(&o->mem, ret, err);
}

void observed_describe(const struct observed *o, struct report_info *info)
{
	info->consistency = "stopped";
	if (!o->has_kernel)
		return;
	info->host = o->kernel.host;
	info->kernel = o->kernel.image.release;
	info->cpus = o->kernel.ncpu;
}

int observed_procs(struct observed *o, const char *cgroup, bool threads, uint32_t **ret,
		   size_t *ret_n, struct ksnap_err *err)
{
	_buf_ struct buf ids = BUF_INIT;
	uint64_t at;
	int code;

	space_forget(&o->kernel.image.space);
	code = cgroups_find(&o->kernel, cgroup, &at, err);
	if (!code)
		code = tasks_of_cgroup(&o->kernel, at, threads, &ids, err);
	code = physical_settle(&o->mem, code, err);
	if (code)
		return code;
	*ret = malloc(ids.len + sizeof(**ret));
	if (!*ret)
		return err_nomem(err);
	if (ids.len)
		memcpy(*ret, ids.data, ids.len);
	*ret_n = ids.len / sizeof(**ret);
	return 0;
}

/* ---- memory ---------------------------------------------------------------------------------- */

int observed_read(struct observed *o, const struct kernel_at *at, struct kernel_width width,
		  struct buf *room, struct kernel_value *ret, struct ksnap_err *err)
{
	struct spot s;
	int code = spot_find(&o->kernel, &o->seen, at, &s, err);

	if (!code)
		code = spot_read(&o->kernel, &s, width, room, ret, err);
	return physical_settle(&o->mem, code, err);
}

int observed_write(struct observed *o, const struct kernel_at *at, struct kernel_width width,
		   const struct kernel_value *value, struct ksnap_err *err)
{
	struct spot s;
	int code = spot_find(&o->kernel, &o->seen, at, &s, err);

	if (!code)
		code = spot_write(&o->kernel, &s, width, value, err);
	return physical_settle(&o->mem, code, err);
}
