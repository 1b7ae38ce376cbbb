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
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "capture/live/cgroup_path.h"

struct frozen {
	struct frozen *next;
	int freeze_fd; /* cgroup.freeze, open for both */
	struct freeze_guard guard;
	char by[72]; /* who asked, in words */
	char path[]; /* from the hierarchy's root */
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
	char own[PATH_MAX];

	if (!cgroup_of(pid, own) || !is_within(own, path))
		return 0;
	return err_set(err, KSNAP_E_STATE,
		       "cgroup %s holds %s (process %" PRIu64 "%s%s): frozen, it could not thaw it "
		       "again; move one of them to another cgroup",
		       path, who, pid, strcmp(own, path) ? ", in " : "",
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

static bool write_state(int fd, char state)
{
	ssize_t n;

	do
		n = pwrite(fd, &state, 1, 0);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

/* What a small file holds, from its begin. */
static bool read_small(int fd, char *buf, size_t cap)
{
	ssize_t n;

	do
		n = pread(fd, buf, cap - 1, 0);
	while (n < 0 && errno == EINTR);
	buf[n > 0 ? n : 0] = 0;
	return n >= 0;
}

/* The kernel marks cgroup.events as changed; it was read before each wait. */
static int await_frozen(int events_fd, uint64_t deadline_mono_ns)
{
	for (;;) {
		struct pollfd p = { .fd = events_fd, .events = POLLPRI };
		uint64_t now = clock_mono_ns();
		char text[256];

		if (!read_small(events_fd, text, sizeof(text)))
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

static struct frozen *find(const struct freezer *f, const char *path)
{
	struct frozen *z = f->first;

	while (z && strcmp(z->path, path))
		z = z->next;
	return z;
}

/* A cgroup that is gone meanwhile needs no thaw. */
static void release(struct frozen *z)
{
	if (z->freeze_fd >= 0 && !write_state(z->freeze_fd, '0') && errno != ENODEV)
		log_error("cgroup %s cannot be thawed: %s", z->path, strerror(errno));
	freeze_guard_stop(&z->guard);
	cleanup_close(&z->freeze_fd);
	free(z);
}

void freezer_fini(struct freezer *f)
{
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

/* Somebody else's freeze would end with ours. */
static int open_thawed(const struct cgroup_place *place, int *ret, struct ksnap_err *err)
{
	char state[8];

	*ret = cgroup_open(place, "cgroup.freeze", O_RDWR, err);
	if (*ret < 0)
		return *ret;
	if (!read_small(*ret, state, sizeof(state)))
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

/* From the write on, release undoes it. */
static int stop_tasks(struct frozen *z, int events_fd, uint64_t deadline, struct ksnap_err *err)
{
	static const struct freeze_word thaw[] = { { "0", NULL, NULL }, { 0 } };
	int code = freeze_guard_start(z->freeze_fd, thaw, &z->guard, err);

	if (code)
		return code;
	if (!write_state(z->freeze_fd, '1'))
		return err_errno(err, KSNAP_E_TARGET, errno, "cannot freeze cgroup %s", z->path);
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
		code = open_thawed(place, &freeze_fd, err);
	if (code)
		return code;
	events_fd = cgroup_open(place, "cgroup.events", O_RDONLY, err);
	if (events_fd < 0)
		return events_fd;
	z = create(place->path, rq->by);
	if (!z)
		return err_nomem(err);
	z->freeze_fd = take_fd(freeze_fd);
	code = stop_tasks(z, events_fd, rq->deadline_mono_ns, err);
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
	char state[8];

	return fd >= 0 && read_small(fd, state, sizeof(state)) && state[0] == '1';
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

int freezer_thaw(struct freezer *f, const char *cgroup, char above[FREEZE_PATH_MAX],
		 struct ksnap_err *err)
{
	struct cgroup_place place;
	struct frozen **link = &f->first, *z;
	int code = find_place(cgroup, &place, err);

	if (code)
		return code;
	while (*link && strcmp((*link)->path, place.path))
		link = &(*link)->next;
	z = *link;
	if (!z)
		return err_set(err, KSNAP_E_NOTFOUND, "cgroup %s is not frozen by this worker",
			       place.path);
	*link = z->next;
	release(z);
	if (above)
		find_above(place, above);
	return 0;
}
