// SPDX-License-Identifier: MIT
/* live.c - the running kernel as a target: list, select, read, in order of id. */
#include "capture/live/live.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "capture/live/cgroup.h"
#include "capture/live/chase.h"
#include "capture/live/kernel_op.h"
#include "capture/live/kernel_read.h"
#include "capture/live/load_log.h"
#include "capture/live/map_nested.h"
#include "capture/live/per_cpu.h"
#include "capture/live/privilege.h"
#include "capture/live/probes.h"
#include "capture/live/watch_spot.h"

#define OBJECT_PREFIX "object:"
#define HEAD_ROOM     (4u << 20) /* of MAX_BLOB, kept for types, rows and reasons */

static void close_live(struct target *t)
{
	int saved = errno;

	if (!t)
		return;
	watch_set_fini(&t->watches);
	object_ends_fini(&t->ends);
	per_cpu_destroy(t->per_cpu);
	freezer_fini(&t->freezer);
	object_detach_all(&t->objects);
	cleanup_close(&t->stats_fd);
	map_list_fini(&t->maps);
	prog_list_fini(&t->progs);
	kernel_reader_destroy(t->reader);
	link_list_fini(&t->links);
	ops_list_fini(&t->ops);
	active_fini(&t->active);
	btf_types_destroy(t->types);
	code_names_fini(&t->code);
	kernel_names_fini(&t->names);
	free(t->scratch.keys);
	free(t->scratch.vals);
	free(t);
	errno = saved;
}

static void read_line(const char *path, char *buf, size_t cap)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(buf, cap, f))
		buf[0] = 0;
	buf[strcspn(buf, "\n")] = 0;
	if (f)
		fclose(f);
}

static void read_facts(struct target *t)
{
	struct utsname u;
	int ncpu = libbpf_num_possible_cpus();

	gethostname(t->host, sizeof(t->host) - 1);
	if (!uname(&u))
		snprintf(t->kernel, sizeof(t->kernel), "%s", u.release);
	read_line("/proc/sys/kernel/random/boot_id", t->boot_id, sizeof(t->boot_id));
	t->ncpu = ncpu > 0 ? ncpu : sysconf(_SC_NPROCESSORS_CONF);
}

/* One descriptor tells of both kinds of watches, and of what the freezer has to look at. */
static int begin_watches(struct target *t, struct ksnap_err *err)
{
	int ret = watch_set_init(&t->watches, &t->code, t->types, err);

	ret = ret ? ret : object_ends_init(&t->ends, err);
	ret = ret ? ret : watch_set_poll(&t->watches, t->ends.timer, err);
	ret = ret ? ret : freezer_init(&t->freezer, err);
	return ret ? ret : watch_set_poll(&t->watches, t->freezer.epoll, err);
}

static struct target *open_live(const char *options, struct ksnap_err *err)
{
	struct target *t;

	t = calloc(1, sizeof(*t));
	if (!t) {
		err_nomem(err);
		return NULL;
	}
	t->watches = WATCH_SET_INIT;
	t->freezer = FREEZER_INIT;
	t->stats_fd = t->ends.timer = -1;
	kernel_names_init(&t->names);
	if (!kernel_names_options(&t->names, options, err))
		t->types = btf_types_create(err);
	if (!t->types || begin_watches(t, err)) {
		close_live(t);
		return NULL;
	}
	load_log_begin(); /* from here on libbpf is silent */
	load_log_end();
	read_facts(t);
	return t;
}

static void describe_live(struct target *t, struct report_info *info)
{
	info->host = t->host;
	info->kernel = t->kernel;
	info->boot_id = t->boot_id;
	info->cpus = t->ncpu;
}

/* Types are loaded map by map when they are first needed; what can fail for good is the right to
 * look at all, and a named file of symbols. */
static int check_access(struct target *t, struct ksnap_err *err)
{
	char source[512];
	uint32_t id = 0;

	if (!bpf_map_get_next_id(id, &id) || errno == ENOENT)
		return t->names.option ? kernel_names_source(&t->names, source, sizeof(source), err)
				       : 0;
	return privilege_or_target(err, errno, "list BPF maps");
}

/* The kernel counts runs only while somebody holds this descriptor. It is held from the first
 * capture that asks for programs to the first that does not, so that between two that ask no run
 * is missed. */
static void keep_statistics(struct target *t, bool wanted)
{
	if (!wanted)
		cleanup_close(&t->stats_fd);
	if (!wanted)
		t->stats_fd = -1;
	else if (t->stats_fd < 0)
		t->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
}

static size_t count_taken(const struct map_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->refs[i].taken;
	return n;
}

/* The list may grow meanwhile, at its end. */
static int read_maps(struct target *t, uint64_t deadline, struct report_builder *rb,
		     struct ksnap_err *err)
{
	uint64_t budget = LIMIT_MAX_BLOB - HEAD_ROOM;
	size_t done = 0, selected;
	int ret = nested_take_inner(t, deadline, err);

	for (size_t i = 0; i < t->maps.n && !ret && clock_mono_ns() < deadline; i++) {
		struct map_ref ref = t->maps.refs[i];

		if (!ref.taken)
			continue;
		ret = live_map_capture(t, &ref, deadline, &budget, rb, err);
		done += !ret;
	}
	selected = count_taken(&t->maps);
	if (ret < 0 || done == selected)
		return ret < 0 ? ret : 0;
	return report_reason(rb, "deadline", NULL, selected, done,
			     "the deadline passed after %zu of %zu maps", done, selected);
}

static int capture_live(struct target *t, const struct capture_request *rq,
			struct report_builder *rb, struct ksnap_err *err)
{
	struct selection sel;
	int ret = selection_init(&sel, rq->maps, rq->nmaps, err);

	if (ret)
		return ret;
	keep_statistics(t, rq->progs);
	btf_types_begin(t->types);
	ret = prog_list_read(&t->progs, rq->progs, err);
	if (!ret)
		ret = map_list_read(&t->maps, &sel, rb, err);
	if (ret)
		return ret;
	map_list_select(&t->maps, &sel, &t->progs, &t->objects);
	t->selection = &sel;
	ret = live_attachments_read(t, rq->progs, rb, err);
	if (!ret)
		ret = read_maps(t, rq->deadline_mono_ns, rb, err);
	t->selection = NULL;
	if (!ret && rq->progs)
		ret = prog_list_report(&t->progs, rb, err);
	if (!ret && rq->chase)
		ret = live_chase(t, rq->chase, rq->deadline_mono_ns, rb, err);
	if (!ret)
		ret = live_attachments_report(t, rq->progs, rb, err);
	if (rq->cause && !rq->cause->is_joined)
		object_ends_captured(&t->ends, rq->cause->watch);
	return ret ? ret : selection_report_misses(&sel, rb);
}

static int procs_live(struct target *t, const char *cgroup, bool threads, uint32_t **ret,
		      size_t *ret_n, struct ksnap_err *err)
{
	return cgroup_procs(cgroup, threads, ret, ret_n, err);
}

static int attach_live(struct target *t, const char *name, const void *elf, size_t len,
		       struct buf *reply, struct ksnap_err *err)
{
	return object_attach(&t->objects, name, elf, len, reply, err);
}

static int replace_live(struct target *t, const char *name, const void *elf, size_t len,
			struct buf *reply, struct ksnap_err *err)
{
	return object_replace(&t->objects, name, elf, len, reply, err);
}

static int detach_live(struct target *t, const char *name, struct ksnap_err *err)
{
	int ret = object_detach(&t->objects, name, err);

	if (!ret)
		object_ends_look(&t->ends);
	return ret;
}

static int freeze_live(struct target *t, const struct freeze_request *rq, char ret[FREEZE_PATH_MAX],
		       struct ksnap_err *err)
{
	return freezer_freeze(&t->freezer, rq, ret, err);
}

static int thaw_live(struct target *t, const char *cgroup, char above[FREEZE_PATH_MAX],
		     struct ksnap_err *err)
{
	return freezer_thaw(&t->freezer, cgroup, above, err);
}

int live_need_reader(struct target *t, struct ksnap_err *err)
{
	if (!t->reader)
		t->reader = kernel_reader_create(err);
	return t->reader ? 0 : err ? err->code : KSNAP_E_TARGET;
}

/* Stacks are told with names as far as there are any. */
static int load_names(struct target *t, struct ksnap_err *err)
{
	struct ksnap_err why;
	int ret = code_names_need(&t->code, &why);

	return ret == KSNAP_E_NOMEM ? err_nomem(err) : 0;
}

static int arm_memory(struct target *t, const struct watch_request *rq, struct watch_place *ret,
		      struct ksnap_err *err)
{
	struct watch_spot *spot;
	int rc = load_names(t, err);

	if (rc)
		return rc;
	spot = watch_spot_find(t, rq->symbol, rq->len, err);
	if (!spot)
		return err->code;
	rc = watch_set_prepare(&t->watches, err);
	if (rc) {
		watch_spot_destroy(spot);
		return rc;
	}
	watch_spot_look(spot);
	return watch_set_arm(&t->watches, rq, &spot->at, watch_spot_gone, watch_spot_destroy, spot,
			     ret, err);
}

static int arm_live(struct target *t, const struct watch_request *rq, struct watch_place *ret,
		    struct ksnap_err *err)
{
	size_t prefix = strlen(OBJECT_PREFIX);

	if (strncmp(rq->symbol, OBJECT_PREFIX, prefix))
		return arm_memory(t, rq, ret, err);
	*ret = (struct watch_place){ 0 };
	return object_ends_arm(&t->ends, &t->objects, rq->id, rq->symbol + prefix, err);
}

static int disarm_live(struct target *t, uint64_t id, struct watch_counts *ret,
		       struct ksnap_err *err)
{
	if (object_ends_disarm(&t->ends, id, ret))
		return 0;
	return watch_set_disarm(&t->watches, id, ret, err);
}

static int counts_live(struct target *t, uint64_t id, struct watch_counts *ret,
		       struct ksnap_err *err)
{
	if (object_ends_counts(&t->ends, id, ret))
		return 0;
	return watch_set_counts(&t->watches, id, ret, err);
}

static int watch_fd_live(struct target *t)
{
	return t->watches.epoll;
}

static int watch_next_live(struct target *t, struct watch_news *ret)
{
	if (object_ends_next(&t->ends, ret) || watch_set_next(&t->watches, ret))
		return 1;
	freezer_look(&t->freezer);
	return 0;
}

const struct target_ops target_live = {
	.kind = "live",
	.open = open_live,
	.accessor_init = check_access,
	.capture = capture_live,
	.procs = procs_live,
	.attach = attach_live,
	.replace = replace_live,
	.detach = detach_live,
	.freeze = freeze_live,
	.thaw = thaw_live,
	.read = live_kernel_read,
	.write = live_kernel_write,
	.arm = arm_live,
	.disarm = disarm_live,
	.watch_counts = counts_live,
	.watch_fd = watch_fd_live,
	.watch_next = watch_next_live,
	.close = close_live,
	.describe = describe_live,
	.chases = true,
	.why_not = "the running kernel offers no such thing",
	.probes = live_probes,
};
