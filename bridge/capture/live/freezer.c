// SPDX-License-Identifier: MIT
/* freezer.c - write cgroup.freeze, wait on cgroup.events, keep a guard for each. */
#include "capture/live/freezer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/proc_comm.h"
#include "capture/live/cgroup_path.h"
#include "capture/live/freeze_file.h"
#include "capture/live/freeze_left.h"
#include "capture/live/freeze_mark.h"

struct frozen {
	struct frozen *next;
	int freeze_fd; /* cgroup.freeze, open for both */
	struct freeze_guard guard;
	bool is_marked;
	uint64_t awake_us; /* as the mark has it */
	char by[112];      /* who asked, in words */
	char path[];       /* from the hierarchy's root */
};

struct freed {
	struct freed *next;
	char path[];
};

/* ---- who must go on -------------------------------------------------------------------------- */

/* The v2 cgroup of a process, from /proc/PID/cgroup. */
static bool cgroup_of(uint64_t pid, char path[PATH_MAX])
{
	char name[64], line[PATH_MAX + 64];
	bool found = false;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%" PRIu64 "/cgroup", pid);
	f = fopen(name, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		found = !strncmp(line, "0::/", 4) && strlen(line + 3) < PATH_MAX;
		if (found)
			strcpy(path, line + 3);
	}
	if (f)
		fclose(f);
	return found;
}

static bool is_within(const char *path, const char *above)
{
	size_t len = strlen(above);

	return !strncmp(path, above, len) && (!path[len] || path[len] == '/');
}

static int refuse_within(const char *path, uint64_t pid, const char *who, struct ksnap_err *err)
{
	char own[PATH_MAX], comm[PROC_COMM];

	if (!cgroup_of(pid, own) || !is_within(own, path))
		return 0;
	proc_comm(pid, comm);
	return err_set(err, KSNAP_E_STATE,
		       "cgroup %s holds %s (process %" PRIu64
		       " %s%s%s): frozen, it could not thaw it "
		       "again; move one of them to another cgroup",
		       path, who, pid, comm, strcmp(own, path) ? ", in " : "",
		       strcmp(own, path) ? own : "");
}

static int check_spared(const char *path, const struct freeze_request *rq, struct ksnap_err *err)
{
	int ret = refuse_within(path, getpid(), "the ksnap worker that would freeze it", err);

	for (size_t i = 0; i < rq->nspared && !ret; i++)
		ret = refuse_within(path, rq->spared[i].pid, rq->spared[i].who, err);
	return ret;
}

/* ---- the files ------------------------------------------------------------------------------- */

/* The kernel marks cgroup.events as changed; it was read before each wait. */
static int await_frozen(int events_fd, uint64_t deadline_mono_ns)
{
	for (;;) {
		struct pollfd p = { .fd = events_fd, .events = POLLPRI };
		uint64_t now = clock_mono_ns();
		char text[256];

		if (!freeze_file_read(events_fd, text, sizeof(text)))
			return KSNAP_E_TARGET;
		if (strstr(text, "frozen 1"))
			return 0;
		if (now >= deadline_mono_ns)
			return KSNAP_E_TIMEOUT;
		if (poll(&p, 1, (int)((deadline_mono_ns - now) / NS_PER_MS) + 1) < 0 &&
		    errno != EINTR)
			return KSNAP_E_TARGET;
	}
}

/* ---- the list -------------------------------------------------------------------------------- */

/* A cgroup that is gone meanwhile needs no thaw. */
static void release(struct frozen *z)
{
	if (z->freeze_fd >= 0 && !freeze_file_write(z->freeze_fd, '0') && errno != ENODEV)
		log_error("cgroup %s cannot be thawed: %s", z->path, strerror(errno));
	/* From here on somebody else may freeze it: a guard without us would undo that. */
	freeze_guard_stop(&z->guard);
	if (z->is_marked)
		freeze_mark_remove(z->freeze_fd);
	cleanup_close(&z->freeze_fd);
	free(z);
}

/* Where the one of that path hangs in the list, or would. */
static struct frozen **seek(struct freezer *f, const char *path)
{
	struct frozen **link = &f->first;

	while (*link && strcmp((*link)->path, path))
		link = &(*link)->next;
	return link;
}

static void drop(struct frozen **link)
{
	struct frozen *z = *link;

	*link = z->next;
	release(z);
}

/* One that was removed is let go: what has its path now is another one. */
static struct frozen *find(struct freezer *f, const char *path)
{
	struct frozen **link = seek(f, path);

	if (*link && freeze_file_is_gone((*link)->freeze_fd))
		drop(link);
	return *seek(f, path);
}

int freezer_init(struct freezer *f, struct ksnap_err *err)
{
	struct epoll_event ev = { .events = EPOLLIN };

	*f = (struct freezer){ .epoll = epoll_create1(EPOLL_CLOEXEC),
			       .fresh = eventfd(1, EFD_CLOEXEC) };
	if (f->epoll < 0 || f->fresh < 0 || epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->fresh, &ev))
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot wait for guards");
	return 0;
}

void freezer_fini(struct freezer *f)
{
	cleanup_close(&f->fresh);
	cleanup_close(&f->epoll);
	while (f->freed) {
		struct freed *d = f->freed;

		f->freed = d->next;
		free(d);
	}
	while (f->first) {
		struct frozen *z = f->first;

		f->first = z->next;
		release(z);
	}
}

static struct frozen *create(const char *path, const char *by)
{
	struct frozen *z = calloc(1, sizeof(*z) + strlen(path) + 1);

	if (!z)
		return NULL;
	z->freeze_fd = -1;
	z->guard = FREEZE_GUARD_NONE;
	strcpy(z->path, path);
	snprintf(z->by, sizeof(z->by), "%s", by);
	return z;
}

static int find_place(const char *cgroup, struct cgroup_place *ret, struct ksnap_err *err)
{
	int code = cgroup_find("/proc/self/mounts", cgroup, ret, err);

	if (code)
		return code;
	if (ret->version == 1)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "cgroup '%s' is one of v1, whose freezer ksnap does not use: name a "
			       "cgroup of the v2 hierarchy",
			       cgroup);
	if (!strcmp(ret->path, "/"))
		return err_set(err, KSNAP_E_ARG,
			       "the root cgroup holds everything, ksnap too: name one below it");
	return 0;
}

static int refuse_held(const struct freeze_mark *m, const char *path, struct ksnap_err *err)
{
	char comm[PROC_COMM];

	if (!m->worker.pid || !freeze_mark_is_near(m))
		return err_set(err, KSNAP_E_STATE,
			       "cgroup %s is frozen already, by %s of another ksnap, of which it "
			       "cannot be told here whether it lives: it has to thaw it, or write "
			       "0 to its cgroup.freeze",
			       path, m->by);
	proc_comm(m->worker.pid, comm);
	return err_set(err, KSNAP_E_STATE,
		       "cgroup %s is frozen already, by %s of another ksnap, whose worker is "
		       "process %" PRIu64 " %s and has to thaw it",
		       path, m->by, m->worker.pid, comm);
}

/* Somebody else's freeze would end with ours. What the dead have left is nobody's. */
static int open_thawed(const struct cgroup_place *place, uint64_t deadline, int *ret,
		       struct ksnap_err *err)
{
	struct freeze_mark mark;
	char state[8];

	*ret = cgroup_open(place, "cgroup.freeze", O_RDWR, err);
	if (*ret < 0)
		return *ret;
	if (freeze_mark_get(*ret, &mark)) {
		freeze_mark_await(&mark, deadline);
		freeze_left_undo(*ret, place->path);
	}
	if (freeze_mark_get(*ret, &mark))
		return refuse_held(&mark, place->path, err);
	if (!freeze_file_read(*ret, state, sizeof(state)))
		return err_errno(err, KSNAP_E_TARGET, errno, "cannot read cgroup.freeze of %s",
				 place->path);
	if (state[0] != '1')
		return 0;
	return err_set(err, KSNAP_E_STATE,
		       "cgroup %s is frozen already, and not by this worker: whoever froze it has "
		       "to thaw it (write 0 to %s%s/cgroup.freeze)",
		       place->path, place->root, place->path);
}

static int explain_wait(int code, const char *path, struct ksnap_err *err)
{
	if (code == KSNAP_E_TIMEOUT)
		return err_set(err, code,
			       "cgroup %s did not stand still before the deadline and runs again: "
			       "one of its tasks sleeps where it cannot be stopped (state D, or "
			       "within vfork); name a longer deadline (t)",
			       path);
	return err_errno(err, code, errno, "cannot wait for cgroup %s to freeze", path);
}

static void renew_mark(const struct frozen *z)
{
	if (z->is_marked)
		freeze_mark_renew(z->freeze_fd, z->guard.pid, z->awake_us, z->by);
}

static int start_guard(struct freezer *f, struct frozen *z, struct ksnap_err *err)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int code = freeze_guard_start_cgroup(z->freeze_fd, &z->guard, err);

	if (!code && epoll_ctl(f->epoll, EPOLL_CTL_ADD, z->guard.pidfd, &ev)) {
		err_errno(err, KSNAP_E_INTERNAL, errno, "cannot wait for the child that thaws");
		freeze_guard_stop(&z->guard);
		code = KSNAP_E_INTERNAL;
	}
	if (!code)
		renew_mark(z);
	return code;
}

/* Without the right to mark it is frozen all the same. */
static int mark(struct frozen *z, struct ksnap_err *err)
{
	int set = freeze_mark_set(z->freeze_fd, z->by);

	z->is_marked = !set;
	if (set > 0)
		return err_set(err, KSNAP_E_STATE,
			       "cgroup %s was frozen just now, by another ksnap", z->path);
	if (set < 0)
		log_info("cgroup %s cannot be marked as frozen by ksnap: %s; should worker and "
			 "guard be killed together, nobody will thaw it",
			 z->path, strerror(errno));
	return 0;
}

#define AWAKE_LOOKS 3

/* What tells this freezing from a later one of somebody else. */
static void mark_since(struct frozen *z)
{
	struct freeze_awake awake;

	/* What is asked while this process has to wait for its CPU tells less. */
	for (unsigned i = 0; i < AWAKE_LOOKS && freeze_file_awake(z->freeze_fd, &awake); i++)
		if (!z->awake_us || awake.most < z->awake_us)
			z->awake_us = awake.most;
	if (z->awake_us)
		renew_mark(z);
}

static int stop_tasks(struct freezer *f, struct frozen *z, int events_fd, uint64_t deadline,
		      struct ksnap_err *err)
{
	int code = start_guard(f, z, err);

	if (code) {
		err_prefix(err, "cgroup %s is not frozen", z->path);
		return code;
	}
	if (!freeze_file_write(z->freeze_fd, '1'))
		return err_errno(err, KSNAP_E_TARGET, errno, "cannot freeze cgroup %s", z->path);
	mark_since(z);
	code = await_frozen(events_fd, deadline);
	return code ? explain_wait(code, z->path, err) : 0;
}

static int freeze_new(struct freezer *f, const struct freeze_request *rq,
		      const struct cgroup_place *place, struct ksnap_err *err)
{
	_close_ int events_fd = -1, freeze_fd = -1;
	struct frozen *z;
	int code = check_spared(place->path, rq, err);

	if (!code)
		code = open_thawed(place, rq->deadline_mono_ns, &freeze_fd, err);
	if (code)
		return code;
	events_fd = cgroup_open(place, "cgroup.events", O_RDONLY, err);
	if (events_fd < 0)
		return events_fd;
	z = create(place->path, rq->by);
	if (!z)
		return err_nomem(err);
	z->freeze_fd = take_fd(freeze_fd);
	code = mark(z, err);
	if (code) { /* another one's: there is nothing to thaw */
		cleanup_close(&z->freeze_fd);
		free(z);
		return code;
	}
	/* From here on release undoes it. */
	code = stop_tasks(f, z, events_fd, rq->deadline_mono_ns, err);
	if (code) {
		release(z);
		return code;
	}
	z->next = f->first;
	f->first = z;
	return 0;
}

int freezer_freeze(struct freezer *f, const struct freeze_request *rq, char ret[FREEZE_PATH_MAX],
		   struct ksnap_err *err)
{
	struct cgroup_place place;
	const struct frozen *z;
	int code = find_place(rq->cgroup, &place, err);

	if (code)
		return code;
	if (ret)
		strcpy(ret, place.path);
	z = find(f, place.path);
	if (!z)
		return freeze_new(f, rq, &place, err);
	if (rq->shared)
		return 1;
	return err_set(err, KSNAP_E_STATE, "cgroup %s is frozen already, by %s", z->path, z->by);
}

static bool is_frozen(const struct cgroup_place *place)
{
	_close_ int fd = cgroup_open(place, "cgroup.freeze", O_RDONLY, NULL);

	return fd >= 0 && freeze_file_is_set(fd);
}

/* The nearest one above @place that somebody holds still; the root cannot be. */
static void find_above(struct cgroup_place place, char ret[FREEZE_PATH_MAX])
{
	char *slash;

	while ((slash = strrchr(place.path, '/')) && slash > place.path) {
		*slash = 0;
		if (!is_frozen(&place))
			continue;
		strcpy(ret, place.path);
		return;
	}
}

/* ---- what the dead have left ----------------------------------------------------------------- */

static void on_freed(void *arg, const char *path)
{
	struct freezer *f = arg;
	struct freed *d = malloc(sizeof(*d) + strlen(path) + 1);

	if (!d)
		return;
	strcpy(d->path, path);
	d->next = f->freed;
	f->freed = d;
}

static void sweep(struct freezer *f)
{
	char root[PATH_MAX];

	cleanup_close(&f->fresh);
	f->fresh = -1;
	if (!cgroup_root("/proc/self/mounts", root, sizeof(root), NULL))
		freeze_left_sweep(root, on_freed, f);
}

/* Whoever asks for it wanted what the first look has done; once. */
static bool forget_freed(struct freezer *f, const char *path)
{
	struct freed **link = &f->freed, *d;

	while (*link && strcmp((*link)->path, path))
		link = &(*link)->next;
	d = *link;
	if (!d)
		return false;
	*link = d->next;
	free(d);
	return true;
}

static int thaw_left(struct freezer *f, const struct cgroup_place *place, struct ksnap_err *err)
{
	bool was_freed = forget_freed(f, place->path);
	_close_ int fd = cgroup_open(place, "cgroup.freeze", O_RDWR, err);
	struct freeze_mark mark;

	if (fd < 0)
		return fd;
	if (freeze_left_undo(fd, place->path))
		return 0;
	if (freeze_mark_get(fd, &mark))
		return refuse_held(&mark, place->path, err);
	if (freeze_file_is_set(fd))
		return err_set(err, KSNAP_E_NOTFOUND,
			       "cgroup %s is frozen, but not by ksnap: whoever froze it has to "
			       "thaw it (write 0 to %s%s/cgroup.freeze)",
			       place->path, place->root, place->path);
	return was_freed ? 0
			 : err_set(err, KSNAP_E_NOTFOUND, "cgroup %s is not frozen by this worker",
				   place->path);
}

/* ---- guards ---------------------------------------------------------------------------------- */

/* False: there is no other guard, and it was thawed. */
static bool replace_guard(struct freezer *f, struct frozen **link)
{
	struct ksnap_err err = { 0 };
	struct frozen *z = *link;

	if (!start_guard(f, z, &err)) {
		log_warn("the child that thaws cgroup %s when this worker is gone was killed; "
			 "another one, process %d, is in its place",
			 z->path, (int)z->guard.pid);
		return true;
	}
	log_error(
		"the child that thaws cgroup %s when this worker is gone was killed, and there is "
		"no other: %s; the cgroup goes on",
		z->path, err.text);
	drop(link);
	return false;
}

void freezer_look(struct freezer *f)
{
	struct frozen **link = &f->first;

	if (f->fresh >= 0)
		sweep(f);
	while (*link) {
		if (!freeze_guard_is_gone(&(*link)->guard) || replace_guard(f, link))
			link = &(*link)->next;
	}
}

int freezer_thaw(struct freezer *f, const char *cgroup, char above[FREEZE_PATH_MAX],
		 struct ksnap_err *err)
{
	struct cgroup_place place;
	int code = find_place(cgroup, &place, err);

	if (code)
		return code;
	if (find(f, place.path))
		drop(seek(f, place.path));
	else
		code = thaw_left(f, &place, err);
	if (!code && above)
		find_above(place, above);
	return code;
}
