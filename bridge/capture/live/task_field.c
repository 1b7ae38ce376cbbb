// SPDX-License-Identifier: MIT
/* task_field.c - an iterator over one task, whose program copies when the task began and then the
 * bytes, following pointers on the way.
 */
#include "capture/live/task_field.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/proc_stat.h"
#include "capture/live/bpf_insns.h"
#include "capture/live/kernel_maps.h"
#include "capture/live/ledger.h"
#include "capture/live/privilege.h"

#define WHAT "at a task"

/* Before the data. */
struct found {
	uint64_t seen;
	uint64_t start_ns;
	int64_t result; /* of the copy */
};

enum { OFF_SEEN = 0, OFF_START = 8, OFF_RESULT = 16, OFF_DATA = sizeof(struct found) };
enum { ARG_TASK = 8 }; /* in the iterator's argument */

/* r7: where the bytes are counted from; r8: the ledger. A pointer that leads nowhere becomes 0, and
 * the copy fails. */
static void emit_hop(struct ledger *l, uint64_t offset)
{
	EMIT(l, MOVE(1, 10), ADD_NUMBER(1, -8), MOVE_NUMBER(2, 8), MOVE(3, 7),
	     ADD_NUMBER(3, (int)offset), CALL(BPF_FUNC_probe_read_kernel), LOAD(7, 10, -8));
}

static void emit_copy(struct ledger *l, uint64_t offset, int to, uint32_t len, int result)
{
	EMIT(l, MOVE(1, 8), ADD_NUMBER(1, to), MOVE_NUMBER(2, len), MOVE(3, 7),
	     ADD_NUMBER(3, (int)offset), CALL(BPF_FUNC_probe_read_kernel), STORE(8, result, 0));
}

static void emit_visit(struct ledger *l, int64_t start_at, const struct btf_spot *at, uint32_t len)
{
	EMIT(l, LOAD(7, 1, ARG_TASK), INSN(BPF_JMP | BPF_JNE | BPF_K, 7, 0, 2, 0),
	     MOVE_NUMBER(0, 0), EXIT(), LOAD_VALUE(8, l->fd, 0), MOVE_NUMBER(1, 1),
	     STORE(8, OFF_SEEN, 1));
	emit_copy(l, start_at, OFF_START, sizeof(uint64_t), OFF_RESULT);
	for (unsigned i = 0; i < at->nhops; i++)
		emit_hop(l, at->hops[i]);
	emit_copy(l, at->offset, OFF_DATA, len, OFF_RESULT);
	EMIT(l, MOVE_NUMBER(0, 0), EXIT());
}

/* Have the program visit task @tid, if there is one. */
static int visit(int prog, uint32_t tid, struct ksnap_err *err)
{
	union bpf_iter_link_info info = { .task.tid = tid };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	_close_ int link = bpf_link_create(prog, 0, BPF_TRACE_ITER, &opts);
	_close_ int iter = link < 0 ? -1 : bpf_iter_create(link);
	char none[64];
	ssize_t n;

	if (iter < 0)
		return privilege_or_target(err, errno, "go through tasks");
	do
		n = read(iter, none, sizeof(none));
	while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	return n < 0 && errno != ESRCH ? privilege_or_target(err, errno, "go through tasks") : 0;
}

static uint64_t ticks_of(uint64_t ns)
{
	return ns / (NS_PER_S / sysconf(_SC_CLK_TCK));
}

static int refuse_none(const struct task_name *task, struct ksnap_err *err)
{
	bool is_there;
	uint64_t start;

	is_there = proc_stat(task->tid, PROC_STAT_START, &start);
	if (is_there && task->has_start_time && start != task->start_time)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "task %" PRIu64 " began at %" PRIu64 ", not at %" PRIu64
			       ": its id was used again, or is not of the worker's pid namespace",
			       task->tid, start, task->start_time);
	if (is_there)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "task %" PRIu64 " is there, but this kernel shows it to no BPF "
			       "program, which is how its fields are read",
			       task->tid);
	return err_set(err, KSNAP_E_NOTFOUND,
		       "there is no task %" PRIu64 " in the pid namespace of the worker",
		       task->tid);
}

static int judge(const struct found *f, const struct task_name *task, struct ksnap_err *err)
{
	if (!f->seen)
		return refuse_none(task, err);
	if (task->has_start_time && ticks_of(f->start_ns) != task->start_time)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "task %" PRIu64 " began at %" PRIu64 ", not at %" PRIu64
			       ": its id was used again, or is not of the worker's pid namespace",
			       task->tid, ticks_of(f->start_ns), task->start_time);
	if (f->result)
		return err_errno(
			err, KSNAP_E_TARGET, -f->result,
			"a pointer on the way, or the field itself, leads to memory that is "
			"not mapped");
	return 0;
}

int task_field_read(const struct btf *kernel, const struct task_name *task,
		    const struct btf_spot *at, uint32_t len, void *to, struct ksnap_err *err)
{
	int64_t start_at = kernel_offset(kernel, "task_struct", "start_boottime", err);
	int32_t func = btf__find_by_name_kind(kernel, "bpf_iter_task", BTF_KIND_FUNC);
	_ledger_ struct ledger l = { 0 };
	_close_ int prog = -1;
	int ret = start_at < 0 ? start_at : ledger_init(&l, OFF_DATA + len, err);

	if (ret)
		return ret;
	if (func <= 0)
		return err_set(err, KSNAP_E_UNSUPPORTED, "this kernel has no iterator over tasks");
	if (task->tid > INT32_MAX || !task->tid)
		return refuse_none(task, err);
	emit_visit(&l, start_at, at, len);
	prog = ledger_load(&l, BPF_PROG_TYPE_TRACING, func, WHAT, err);
	ret = prog < 0 ? prog : visit(prog, task->tid, err);
	if (!ret)
		ret = judge((const struct found *)l.mapped, task, err);
	if (!ret)
		memcpy(to, l.mapped + OFF_DATA, len);
	return ret;
}
