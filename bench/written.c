// SPDX-License-Identifier: MIT
/* written.c - the object of the watch tests, run from here. */
#include "bench/written.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/bench.h"
#include "tests/bpf/watched.h"

#define REGISTERS      4 /* of a CPU */
#define REGISTERS_LOCK "/run/lock/ksnap-tests-registers"
#define CPUS_MAX       256
#define AT_ONCE        100 /* writes of one system call: kernels need not give the CPU away within */
#define PATIENCE_NS    30000000000ull

struct written {
	struct bpf_object *obj;
	int lock, writer; /* the latter a program */
	uint64_t addr;
	char symbol[64], map[32];
	unsigned ncpus;
	int events[CPUS_MAX]; /* perf events; -1: none */
};

/* @period: hits between two runs of a program; 0: it only counts. */
static int open_event(uint64_t addr, int cpu, unsigned period)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_BREAKPOINT,
					.size = sizeof(attr),
					.bp_type = HW_BREAKPOINT_W,
					.bp_addr = addr,
					.bp_len = 8,
					.sample_period = period,
					.disabled = 1 };

	return syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

const char *written_lacks(void)
{
	static char why[160];
	int map = bpf_map_create(BPF_MAP_TYPE_HASH, "try", 4, 8, 1, NULL), event, code = errno;

	if (map < 0) {
		snprintf(why, sizeof(why), "BPF cannot be used here: %s", strerror(code));
		return why;
	}
	close(map);
	event = open_event((uint64_t)&why & ~7ull, 0, 0);
	code = errno;
	if (event >= 0)
		close(event);
	/* One that others hold at this moment can be had later. */
	if (event >= 0 || code == ENOSPC)
		return NULL;
	snprintf(why, sizeof(why), "no debug register can be had: %s", strerror(code));
	return why;
}

/* ---- begin ---------------------------------------------------------------------------------- */

static int load(struct written *w)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "watched");
	const char *top = getenv("KSNAP_TOP_BUILDDIR");
	struct bpf_program *p;
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/bpf/watched.bpf.o", top ? top : ".");
	w->obj = bpf_object__open_file(path, &opts);
	if (!w->obj || bpf_object__load(w->obj))
		return bench_wrong("%s: %s", path, strerror(errno));
	p = bpf_object__find_program_by_name(w->obj, "write_u64");
	w->writer = p ? bpf_program__fd(p) : -1;
	return w->writer < 0 ? bench_wrong("%s has no program write_u64", path) : 0;
}

static int name(struct written *w)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_object__find_map_fd_by_name(w->obj, "watched.bss");

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return bench_wrong("watched.bss: %s", strerror(errno));
	snprintf(w->map, sizeof(w->map), "id:%u", info.id);
	snprintf(w->symbol, sizeof(w->symbol), "id:%u:watched_u64", info.id);
	return 0;
}

static void close_events(struct written *w)
{
	for (unsigned i = 0; i < w->ncpus; i++) {
		if (w->events[i] >= 0)
			close(w->events[i]);
		w->events[i] = -1;
	}
}

/* With @prog, or counting when it is -1. */
static int open_events(struct written *w, int prog)
{
	w->ncpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (w->ncpus > CPUS_MAX)
		return bench_wrong("%u CPUs, at most %d are counted on", w->ncpus, CPUS_MAX);
	for (unsigned i = 0; i < w->ncpus; i++) {
		w->events[i] = open_event(w->addr, i, prog >= 0);
		if (w->events[i] < 0 ||
		    (prog >= 0 && ioctl(w->events[i], PERF_EVENT_IOC_SET_BPF, prog)) ||
		    ioctl(w->events[i], PERF_EVENT_IOC_ENABLE, 0))
			return bench_wrong("no debug register of CPU %u: %s", i, strerror(errno));
	}
	return 0;
}

struct written *written_create(void)
{
	struct written *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	memset(w->events, -1, sizeof(w->events));
	w->lock = open(REGISTERS_LOCK, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
	if (w->lock < 0 || flock(w->lock, LOCK_EX))
		bench_wrong("%s: %s", REGISTERS_LOCK, strerror(errno));
	else if (!load(w) && !name(w) && !written_write(w, 0) && !open_events(w, -1))
		return w;
	written_destroy(w);
	return NULL;
}

const char *written_symbol(const struct written *w)
{
	return w->symbol;
}

const char *written_map(const struct written *w)
{
	return w->map;
}

uint64_t written_address(const struct written *w)
{
	return w->addr;
}

int written_run(struct written *w, int prog)
{
	close_events(w);
	return prog < 0 ? 0 : open_events(w, prog);
}

/* ---- writing -------------------------------------------------------------------------------- */

int written_write(struct written *w, uint64_t n)
{
	struct watched_order o;

	do {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &o, .ctx_size_in = sizeof(o));

		o = (struct watched_order){ .times = n < AT_ONCE ? n : AT_ONCE };
		n -= o.times;
		if (bpf_prog_test_run_opts(w->writer, &opts) || opts.retval)
			return bench_wrong("writing: %s", strerror(errno));
	} while (n);
	w->addr = o.addr;
	return 0;
}

uint64_t written_times(const struct written *w)
{
	unsigned char value[4096] = { 0 };
	uint32_t key = 0;
	int fd = bpf_object__find_map_fd_by_name(w->obj, "watched.bss");
	struct bpf_map *map = bpf_object__find_map_by_name(w->obj, "watched.bss");
	uint64_t n;

	if (bpf_map__value_size(map) > sizeof(value) || bpf_map_lookup_elem(fd, &key, value))
		return 0;
	/* The variables fill one page at most, and its place there is that of its address. */
	memcpy(&n, value + (w->addr & 4095), sizeof(n));
	return n;
}

uint64_t written_perf(const struct written *w)
{
	uint64_t sum = 0, n;

	for (unsigned i = 0; i < w->ncpus; i++) {
		if (read(w->events[i], &n, sizeof(n)) == sizeof(n))
			sum += n;
	}
	return sum;
}

/* ---- end ------------------------------------------------------------------------------------ */

static unsigned take_registers(const struct written *w)
{
	static int fds[CPUS_MAX * REGISTERS];
	unsigned had = 0;

	for (unsigned i = 0; i < w->ncpus * REGISTERS; i++) {
		fds[i] = open_event(w->addr, i / REGISTERS, 0);
		had += fds[i] >= 0;
	}
	for (unsigned i = 0; i < w->ncpus * REGISTERS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return had;
}

/* The kernel gives back what a process had some time after its end. */
static int check_registers(const struct written *w)
{
	uint64_t end = bench_now() + PATIENCE_NS;
	unsigned all = w->ncpus * REGISTERS, had;

	do {
		had = take_registers(w);
	} while (had < all && bench_now() < end);
	return had == all ? 0
			  : bench_wrong("only %u of %u debug registers are free again", had, all);
}

int written_destroy(struct written *w)
{
	int code;

	if (!w)
		return 0;
	close_events(w);
	code = w->addr && w->ncpus ? check_registers(w) : 0;
	bpf_object__close(w->obj);
	if (w->lock >= 0)
		close(w->lock);
	free(w);
	return code;
}
