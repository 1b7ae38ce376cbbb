// SPDX-License-Identifier: MIT
/* guest.c - a QEMU guest as a target: guest:QMP_SOCKET,mem=FILE[,low=BYTES][,vmlinux=F|kallsyms=F]
 * [,btf=F][,stop_ms=N][,gdb=SOCKET|HOST:PORT][,hot=PERCENT].
 *
 * Its memory is a file that qemu maps too. A capture stops the guest, reads, and lets it go on. */
#include "capture/guest/guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "capture/guest/backend.h"
#include "capture/guest/guards.h"
#include "capture/guest/hole.h"
#include "capture/guest/probes.h"
#include "capture/guest/traps.h"

#define FORM         "guest:QMP_SOCKET,mem=FILE"
#define MACHINE      "/"  /* what freeze and thaw call all of the guest */
#define STOP_MS      2000 /* that a capture may take of the guest's time, when not said */
#define STOP_MS_MAX  60000
#define CONNECT_MS   2000
#define BOOT_MS      3000 /* that a kernel which is not up yet is waited for */
#define BOOT_STEP_MS 100
#define CPUS_ASKED   64 /* which page tables they use: the first runs whatever runs */

static uint64_t in_ms(uint64_t ms)
{
	return clock_mono_ns() + ms * NS_PER_MS;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void close_guest(struct target *t)
{
	int saved = errno;

	if (!t)
		return;
	guest_watches_fini(t);
	stray_fini(&t->stray);
	stop_end(&t->stop, &t->qmp, t->stop.by, NULL);
	gdb_fini(&t->gdb);
	qmp_close(&t->qmp);
	observed_fini(&t->machine);
	free(t);
	errno = saved;
}

static int take_number(const struct target *t, const char *key, uint64_t most, uint64_t *ret,
		       struct ksnap_err *err)
{
	const char *text = outside_option(&t->machine.opts, key);
	char *end;

	if (!text)
		return 0;
	errno = 0;
	*ret = strtoull(text, &end, 0);
	if (*end || errno || text[0] == '-' || !*ret || *ret > most)
		return err_set(err, KSNAP_E_ARG, "%s takes a number from 1 to %llu, not '%s'", key,
			       (unsigned long long)most, text);
	return 0;
}

static int take_options(struct target *t, const char *options, struct ksnap_err *err)
{
	static const char *const takes[] = { "mem",     "low", "vmlinux", "kallsyms", "btf",
					     "stop_ms", "gdb", "hot",     NULL };
	int ret = outside_options_parse(&t->machine.opts, FORM, options, takes, err);

	if (!ret && !outside_option(&t->machine.opts, "mem"))
		ret = err_set(err, KSNAP_E_ARG,
			      "mem= is missing, the file that backs the guest's memory: %s", FORM);
	if (!ret)
		ret = take_number(t, "low", 1ull << 32, &t->low, err);
	if (!ret)
		ret = take_number(t, "stop_ms", STOP_MS_MAX, &t->stop_ms, err);
	return ret ? ret : take_number(t, "hot", GUEST_HOT_NEVER, &t->hot, err);
}

static struct target *open_guest(const char *options, struct ksnap_err *err)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t) {
		err_nomem(err);
		return NULL;
	}
	t->machine = OBSERVED_INIT;
	t->qmp = QMP_INIT;
	t->stop = STOP_INIT;
	t->stop.gdb = &t->gdb;
	t->stop_ms = STOP_MS;
	t->hot = GUEST_HOT_PERCENT;
	t->gdb = GDB_INIT;
	t->watches = GUEST_WATCHES_INIT;
	if (!take_options(t, options, err) && !gdb_init(&t->gdb, err) &&
	    !guest_watches_init(&t->watches, t->gdb.news, err))
		return t;
	close_guest(t);
	return NULL;
}

/* ---- registers ------------------------------------------------------------------------------- */

/* Of the first @n CPUs. The monitor tells of all in words, each a few hundred bytes. */
static size_t read_registers(struct target *t, struct registers *regs, size_t n)
{
	size_t room = n * 4096 + 4096;
	_free_ char *text = malloc(room);
	struct json reply;

	if (!text ||
	    qmp_call(&t->qmp, "human-monitor-command", "{\"command-line\": \"info registers -a\"}",
		     in_ms(STOP_WAIT_MS), &reply, NULL) ||
	    !json_string(reply, text, room))
		return 0;
	return registers_from_text(text, regs, n);
}

/* How many it is known of; 0 in one whose paging is not on. */
static size_t read_cr3(struct target *t, uint64_t *cr3)
{
	_free_ struct registers *regs = calloc(CPUS_ASKED, sizeof(*regs));
	size_t n = regs ? read_registers(t, regs, CPUS_ASKED) : 0, known = 0;

	for (size_t i = 0; i < n; i++)
		if (regs[i].has >> REG_CR3 & 1)
			cr3[known++] = regs[i].v[REG_CR3];
	return known;
}

/* ---- the kernel in it ------------------------------------------------------------------------ */

static uint64_t jiffies_of(struct target *t)
{
	uint64_t at, now = 0;

	if (symbols_find(&t->machine.kernel.image.symbols, "jiffies_64", &at))
		space_u64(&t->machine.kernel.image.space, at, &now);
	return now;
}

static int find_kernel(struct target *t, struct ksnap_err *err)
{
	uint64_t cr3[CPUS_ASKED];
	size_t n = read_cr3(t, cr3);
	int ret = observed_find_kernel(&t->machine, cr3, n, err);

	t->boots += !ret;
	t->resets = t->qmp.resets;
	t->jiffies = ret ? 0 : jiffies_of(t);
	return ret;
}

/* The kernel may be another one than last time: a reboot shows by qemu's events, by a version text
 * that is gone, or by a clock that went back. */
bool guest_is_same(struct target *t)
{
	uint64_t now;

	qmp_listen(&t->qmp);
	if (!t->machine.has_kernel || t->resets != t->qmp.resets ||
	    !image_is_there(&t->machine.kernel.image))
		return false;
	now = jiffies_of(t);
	if (now < t->jiffies)
		return false;
	t->jiffies = now;
	return true;
}

/* Behind a new connection may be another machine. */
int guest_need_qmp(struct target *t, struct ksnap_err *err)
{
	if (t->qmp.fd >= 0)
		return 0;
	observed_lose_kernel(&t->machine);
	return qmp_open(&t->qmp, t->machine.opts.first, in_ms(CONNECT_MS), err);
}

static int await_kernel(struct target *t, struct ksnap_err *err)
{
	uint64_t deadline = in_ms(BOOT_MS);
	int ret = find_kernel(t, err);

	while (ret == KSNAP_E_NOTFOUND && clock_mono_ns() < deadline) {
		struct timespec step = { .tv_nsec = BOOT_STEP_MS * NS_PER_MS };

		nanosleep(&step, NULL);
		ret = find_kernel(t, err);
	}
	return ret;
}

/* A qemu that was started again may have made its file anew. */
static int ensure_memory(struct target *t, struct ksnap_err *err)
{
	const char *path = outside_option(&t->machine.opts, "mem");
	struct physical *mem = &t->machine.mem;
	int ret;

	if (physical_is_file(mem, path))
		return 0;
	observed_lose_kernel(&t->machine);
	physical_close(mem);
	if (!t->low)
		t->low = hole_find(&t->qmp, in_ms(STOP_WAIT_MS));
	ret = physical_open_guest(mem, path, t->low, true, err);
	if (!ret)
		ret = backend_check(&t->qmp, path, in_ms(STOP_WAIT_MS), err);
	if (ret)
		physical_close(mem);
	return ret;
}

int guest_need_kernel(struct target *t, struct ksnap_err *err)
{
	int ret;

	qmp_listen(&t->qmp);
	ret = guest_need_qmp(t, err);
	if (!ret)
		ret = ensure_memory(t, err);
	if (!ret && !guest_is_same(t))
		ret = find_kernel(t, err);
	return ret;
}

/* A kernel that is not up yet is not a failure: the first capture looks again. */
static int init_guest(struct target *t, struct ksnap_err *err)
{
	int ret = guest_need_qmp(t, err);

	if (!ret)
		ret = ensure_memory(t, err);
	if (!ret && !t->machine.has_kernel)
		ret = await_kernel(t, err);
	return ret == KSNAP_E_NOTFOUND ? 0 : ret;
}

/* ---- standing still for one thing ------------------------------------------------------------ */

static int stop_for_job(struct target *t, struct ksnap_err *err)
{
	int ret = stop_begin(&t->stop, &t->qmp, STOP_JOB, err);

	if (!ret)
		traps_stopped(t);
	return ret;
}

static int halt_guest(struct target *t, struct ksnap_err *err)
{
	int code = guest_need_qmp(t, err);

	return code ? code : stop_for_job(t, err);
}

static int resume_guest(struct target *t, struct ksnap_err *err)
{
	return stop_end(&t->stop, &t->qmp, STOP_JOB, err);
}

/* ---- capture --------------------------------------------------------------------------------- */

static int read_guest(struct target *t, const struct capture_request *rq, struct report_builder *rb,
		      struct ksnap_err *err)
{
	_free_ struct registers *regs = NULL;
	uint64_t deadline = in_ms(t->stop_ms);
	int ret = guest_need_kernel(t, err);
	size_t n = 0;

	if (ret)
		return ret;
	regs = calloc(t->machine.kernel.ncpu, sizeof(*regs));
	if (!regs)
		return err_nomem(err);
	if (rq->progs)
		n = read_registers(t, regs, t->machine.kernel.ncpu);
	if (deadline > rq->deadline_mono_ns)
		deadline = rq->deadline_mono_ns;
	return observed_capture(&t->machine, rq, deadline, regs, n, rb, err);
}

static int capture_guest(struct target *t, const struct capture_request *rq,
			 struct report_builder *rb, struct ksnap_err *err)
{
	int ret = guest_need_qmp(t, err), end;

	if (!ret)
		ret = stop_for_job(t, err);
	if (ret)
		return ret;
	ret = read_guest(t, rq, rb, err);
	end = stop_end(&t->stop, &t->qmp, STOP_JOB, ret ? NULL : err);
	if (rq->cause && !rq->cause->is_joined)
		guest_watches_captured(t, rq->cause->watch);
	return ret ? ret : end;
}

/* It stands still meanwhile: threads come and go. */
static int list_procs(struct target *t, const char *cgroup, bool threads, uint32_t **ret,
		      size_t *ret_n, struct ksnap_err *err)
{
	int code = halt_guest(t, err), end;

	if (code)
		return code;
	code = guest_need_kernel(t, err);
	if (!code)
		code = observed_procs(&t->machine, cgroup, threads, ret, ret_n, err);
	end = resume_guest(t, code ? NULL : err);
	if (!code && end)
		free(*ret);
	return code ? code : end;
}

static void describe_guest(struct target *t, struct report_info *info)
{
	observed_describe(&t->machine, info);
}

/* ---- holding it still ------------------------------------------------------------------------ */

static int check_machine(const char *cgroup, struct ksnap_err *err)
{
	if (!strcmp(cgroup, MACHINE))
		return 0;
	return err_set(err, KSNAP_E_NOTFOUND,
		       "a guest stands still as a whole, which is called " MACHINE ", not %s",
		       cgroup);
}

static int hold(struct target *t, struct ksnap_err *err)
{
	int code = stop_begin(&t->stop, &t->qmp, STOP_FREEZE, err);

	if (code)
		return code;
	code = guards_await(t, err);
	if (code)
		stop_end(&t->stop, &t->qmp, STOP_FREEZE, NULL);
	return code;
}

static int freeze_guest(struct target *t, const struct freeze_request *rq,
			char ret[FREEZE_PATH_MAX], struct ksnap_err *err)
{
	int code = check_machine(rq->cgroup, err);

	if (code)
		return code;
	if (t->frozen_by[0] && !rq->shared)
		return err_set(err, KSNAP_E_STATE, "the guest is stopped already, by %s",
			       t->frozen_by);
	if (ret)
		strcpy(ret, MACHINE);
	if (t->frozen_by[0])
		return 1;
	code = guest_need_qmp(t, err);
	if (!code)
		code = hold(t, err);
	if (!code)
		traps_stopped(t);
	if (!code)
		snprintf(t->frozen_by, sizeof(t->frozen_by), "%s", rq->by);
	return code;
}

static int thaw_guest(struct target *t, const char *cgroup, char above[FREEZE_PATH_MAX],
		      struct ksnap_err *err)
{
	int code = check_machine(cgroup, err);

	if (code)
		return code;
	if (!t->frozen_by[0])
		return err_set(err, KSNAP_E_NOTFOUND, "the guest is not stopped by ksnap");
	t->frozen_by[0] = 0;
	return stop_end(&t->stop, &t->qmp, STOP_FREEZE, err);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int read_memory(struct target *t, const struct kernel_at *at, struct kernel_width width,
		       struct buf *room, struct kernel_value *ret, struct ksnap_err *err)
{
	int code = guest_need_kernel(t, err);

	return code ? code : observed_read(&t->machine, at, width, room, ret, err);
}

static int write_memory(struct target *t, const struct kernel_at *at, struct kernel_width width,
			const struct kernel_value *value, struct ksnap_err *err)
{
	int code = guest_need_kernel(t, err);

	return code ? code : observed_write(&t->machine, at, width, value, err);
}

static int watch_fd(struct target *t)
{
	return t->watches.epoll;
}

const struct target_ops target_guest = {
	.kind = "guest",
	.open = open_guest,
	.accessor_init = init_guest,
	.capture = capture_guest,
	.procs = list_procs,
	.freeze = freeze_guest,
	.thaw = thaw_guest,
	.read = read_memory,
	.write = write_memory,
	.halt = halt_guest,
	.resume = resume_guest,
	.arm = guest_watches_arm,
	.disarm = guest_watches_disarm,
	.watch_counts = guest_watches_counts,
	.watch_fd = watch_fd,
	.watch_next = guest_watches_next,
	.probes = guest_probes,
	.close = close_guest,
	.describe = describe_guest,
	.why_not = "a guest is reached through its memory and its monitor only",
};
