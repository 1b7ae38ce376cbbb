// SPDX-License-Identifier: MIT
/* watch_prog.c - load, map and read what watch.bpf.c shares with us. */
#include "capture/live/watch_prog.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "capture/live/breakpoint.h"
#include "capture/live/kernel_maps.h"
#include "capture/live/load_log.h"
#include "capture/live/privilege.h"

/* libbpf reads it as an ELF file, whose headers need this alignment. */
static const uint8_t elf[] __attribute__((aligned(8))) = {
#include "capture/bpf/watch.inc"
};

struct watch_prog {
	struct bpf_object *bpf;
	struct ring_buffer *ring;
	struct watch_slot *slots; /* mapped */
	size_t mapped;
	int hit_fd, scratch_fd, here_fd;
	uint64_t trap_ns;
	bool is_measured;
	void (*tell)(void *arg, const struct watch_record *r);
	void *arg;
};

static int refuse(struct ksnap_err *err, int errnum)
{
	const char *log = load_log_tail();

	if (errnum == EPERM)
		return privilege_denied(err, "load the program of watches");
	return err_errno(err, KSNAP_E_TARGET, errnum, "cannot load the program of watches%s%s",
			 *log ? "\n" : "", log);
}

static int take_record(void *arg, void *data, size_t size)
{
	struct watch_prog *p = arg;

	if (size >= sizeof(struct watch_record))
		p->tell(p->arg, data);
	return 0;
}

/* ---- where the kernel keeps what a hit says -------------------------------------------------- */

/* False: the kernel has no such thing. */
static bool place(const struct btf *kernel, const char *type, const char *member, int *ret)
{
	int64_t off = kernel_offset(kernel, type, member, NULL);

	if (off >= 0)
		*ret = off;
	return off >= 0;
}

static struct watch_layout layout_of(const struct btf *k)
{
	struct watch_layout l = { 0 };

	if (!k)
		return l;
	l.knows_count = place(k, "bpf_perf_event_data_kern", "event", &l.event) &&
			place(k, "perf_event", "count", &l.count);
	l.knows_task = place(k, "task_struct", "pid", &l.pid) &&
		       place(k, "task_struct", "tgid", &l.tgid) &&
		       place(k, "task_struct", "comm", &l.comm) &&
		       place(k, "task_struct", "cgroups", &l.cgroups) &&
		       place(k, "css_set", "dfl_cgrp", &l.dfl_cgrp) &&
		       place(k, "cgroup", "kn", &l.kn) && place(k, "kernfs_node", "id", &l.id);
	return l;
}

/* ---- load ------------------------------------------------------------------------------------ */

/* 0, or a negative errno. */
static int load_with(struct watch_prog *p, const struct watch_layout *layout)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "ksnap_watch");
	struct bpf_map *constants;
	int ret;

	p->bpf = bpf_object__open_mem(elf, sizeof(elf), &opts);
	constants = p->bpf ? bpf_object__find_map_by_name(p->bpf, ".rodata") : NULL;
	ret = constants ? bpf_map__set_initial_value(constants, layout, sizeof(*layout)) : -errno;
	ret = ret ? ret : bpf_object__load(p->bpf);
	if (ret)
		bpf_object__close(take_ptr(p->bpf));
	return ret;
}

/* A kernel that takes no looks at its structures still has helpers. */
static int load_any(struct watch_prog *p, const struct btf *kernel)
{
	struct watch_layout layout = layout_of(kernel), none = { 0 };
	int ret = load_with(p, &layout);

	if (!ret && layout.knows_count && layout.knows_task)
		log_debug("watches look for writers where this kernel keeps them");
	if (!ret || ret == -EPERM || !kernel)
		return ret;
	log_debug("watches ask the kernel's helpers for writers: %s", load_log_tail());
	return load_with(p, &none);
}

static int prog_fd(struct watch_prog *p, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(p->bpf, name));
}

static int load(struct watch_prog *p, const struct btf *kernel, struct ksnap_err *err)
{
	int ret = load_any(p, kernel);
	void *slots;

	if (ret)
		return refuse(err, -ret);
	p->hit_fd = prog_fd(p, "ksnap_watch");
	p->scratch_fd = prog_fd(p, "ksnap_write_scratch");
	p->here_fd = bpf_object__find_map_fd_by_name(p->bpf, "ksnap_here");
	p->mapped = sizeof(struct watch_slot) * WATCH_SLOTS;
	slots = mmap(NULL, p->mapped, PROT_READ | PROT_WRITE, MAP_SHARED,
		     bpf_object__find_map_fd_by_name(p->bpf, "ksnap_watches"), 0);
	if (slots == MAP_FAILED)
		return err_errno(err, KSNAP_E_TARGET, errno, "cannot map what watches share");
	p->slots = slots;
	p->ring = ring_buffer__new(bpf_object__find_map_fd_by_name(p->bpf, "ksnap_hits"),
				   take_record, p, NULL);
	return p->ring ? 0 : err_errno(err, KSNAP_E_TARGET, errno, "cannot read the ring of hits");
}

struct watch_prog *watch_prog_create(const struct btf *kernel,
				     void (*tell)(void *arg, const struct watch_record *r),
				     void *arg, struct ksnap_err *err)
{
	struct watch_prog *p = calloc(1, sizeof(*p));
	int ret;

	if (!p) {
		err_nomem(err);
		return NULL;
	}
	p->tell = tell;
	p->arg = arg;
	load_log_begin();
	ret = load(p, kernel, err);
	load_log_end();
	if (!ret)
		return p;
	watch_prog_destroy(p);
	return NULL;
}

void watch_prog_destroy(struct watch_prog *p)
{
	int saved = errno;

	if (!p)
		return;
	ring_buffer__free(p->ring);
	if (p->slots)
		munmap(p->slots, p->mapped);
	bpf_object__close(p->bpf);
	free(p);
	errno = saved;
}

int watch_prog_fd(const struct watch_prog *p)
{
	return p->hit_fd;
}

struct watch_slot *watch_prog_slot(struct watch_prog *p, unsigned index)
{
	return &p->slots[index];
}

int watch_prog_forget(struct watch_prog *p, unsigned index, struct ksnap_err *err)
{
	int ncpus = libbpf_num_possible_cpus();
	_free_ struct watch_here *none = ncpus > 0 ? calloc(ncpus, sizeof(*none)) : NULL;

	if (!none)
		return err_nomem(err);
	if (bpf_map_update_elem(p->here_fd, &index, none, BPF_ANY))
		return err_errno(err, KSNAP_E_TARGET, errno, "cannot begin to count hits");
	return 0;
}

int watch_prog_ring_fd(const struct watch_prog *p)
{
	return ring_buffer__epoll_fd(p->ring);
}

void watch_prog_read(struct watch_prog *p)
{
	ring_buffer__consume(p->ring);
}

/* ---- what a hit costs ------------------------------------------------------------------------ */

/* Nanoseconds of one run of the writing program, which says where it writes; 0: it did not run. */
static uint64_t run_scratch(struct watch_prog *p, uint64_t *ret_addr)
{
	uint64_t begin = clock_mono_ns();
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = ret_addr, .ctx_size_in = sizeof(*ret_addr));

	return bpf_prog_test_run_opts(p->scratch_fd, &opts) ? 0 : clock_mono_ns() - begin;
}

/* The shortest of some runs: others only disturb. */
static uint64_t quickest(struct watch_prog *p, uint64_t *ret_addr)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t ns = run_scratch(p, ret_addr);

		if (!ns)
			return 0;
		best = ns < best ? ns : best;
	}
	return best;
}

static uint64_t measure(struct watch_prog *p)
{
	uint64_t addr = 0, bare = quickest(p, &addr), watched;
	struct breakpoint_spec spec = {
		.addr = addr, .len = 8, .prog_fd = p->hit_fd, .cookie = WATCH_SLOTS
	};
	struct breakpoint bp;

	if (!bare || breakpoint_open(&bp, &spec, NULL))
		return 0;
	watched = quickest(p, &addr);
	breakpoint_close(&bp);
	return watched > bare ? (watched - bare) / WATCH_SCRATCH_WRITES : 0;
}

uint64_t watch_prog_trap_ns(struct watch_prog *p)
{
	if (!p->is_measured)
		p->trap_ns = measure(p);
	p->is_measured = true;
	return p->trap_ns;
}
