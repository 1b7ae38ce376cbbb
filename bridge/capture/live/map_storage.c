// SPDX-License-Identifier: MIT
/* map_storage.c - storage kept with tasks and with cgroups: no key can be listed, so every task
 * and every cgroup that there is is asked. The report's key is the thread's or the cgroup's id.
 * The deprecated storage of cgroups lists its keys, in a way of its own.
 */
#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "capture/live/cgroup.h"
#include "capture/live/made_types.h"
#include "capture/live/map_job.h"

#define ASK_MAX      (1u << 20)         /* owners asked for one map */
#define ASK_CHECK    64                 /* owners between two looks at the clock */
#define DEPTH_MAX    64                 /* of cgroups */
#define FIRST_PID_NS 0xeffffffcu        /* inode of the namespace the kernel begins with */
#define THREAD_PIDFD ((unsigned)O_EXCL) /* pidfd_open: of any thread; Linux 6.9 */

struct asking {
	struct map_job *j;
	struct entries *e;
	struct read_result *res;
	uint64_t asked;
	const char *unseen; /* why not every owner was asked */
	bool is_over;       /* an end was written into res */
};

static int end(struct asking *a, enum read_end how, int error)
{
	a->is_over = true;
	a->res->end = how;
	a->res->error = error;
	return 0;
}

static void closedir_of(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _dir_ __attribute__((cleanup(closedir_of)))

/* Look up with @fd, take what is there under @key. */
static int ask(struct asking *a, int fd, uint64_t key)
{
	const struct read_plan *p = &a->j->plan;
	struct entries *e = a->e;
	int ret = e->count >= e->room ? entries_grow(p, e) : 0;

	if (ret < 0)
		return ret;
	if (ret || ++a->asked > ASK_MAX)
		return end(a, READ_ROOM, 0);
	if (a->asked % ASK_CHECK == 0 && clock_mono_ns() >= p->deadline_mono_ns)
		return end(a, READ_DEADLINE, 0);
	if (bpf_map_lookup_elem(p->fd, &fd, e->vals + e->count * p->val_size))
		return errno == ENOENT || errno == ESRCH ? 0 : end(a, READ_FAILED, errno);
	memcpy(e->keys + e->count * p->key_size, &key, p->key_size);
	e->count++;
	return 0;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

/* A thread that ended meanwhile took its storage with it. Before Linux 6.9 only a process's first
 * thread has a pidfd. */
static int ask_thread(struct asking *a, pid_t pid, pid_t tid)
{
	_close_ int fd = syscall(SYS_pidfd_open, tid, tid == pid ? 0 : THREAD_PIDFD);

	if (fd < 0 && (errno == ESRCH || errno == ENOENT))
		return 0;
	if (fd < 0 && errno == EINVAL) {
		a->unseen = "before Linux 6.9 only the first thread of a process can be asked";
		return 0;
	}
	return fd < 0 ? end(a, READ_FAILED, errno) : ask(a, fd, tid);
}

static int ask_process(struct asking *a, pid_t pid)
{
	char path[64];
	_dir_ DIR *d = NULL;
	struct dirent *at;
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	while (d && !ret && !a->is_over && (at = readdir(d)))
		if (isdigit((unsigned char)at->d_name[0]))
			ret = ask_thread(a, pid, atoi(at->d_name));
	return ret;
}

static const char *check_namespace(void)
{
	struct stat st;

	if (!stat("/proc/self/ns/pid", &st) && st.st_ino == FIRST_PID_NS)
		return NULL;
	return "threads outside this PID namespace cannot be asked";
}

int tasks_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	struct asking a = { .j = j, .e = e, .res = res, .unseen = check_namespace() };
	_dir_ DIR *d = opendir("/proc");
	struct dirent *at;
	int ret = 0;

	if (!d)
		return end(&a, READ_FAILED, errno);
	res->end = READ_DONE;
	while (!ret && !a.is_over && (at = readdir(d)))
		if (isdigit((unsigned char)at->d_name[0]))
			ret = ask_process(&a, atoi(at->d_name));
	if (!ret && !a.is_over && a.unseen)
		end(&a, READ_UNSEEN, 0);
	res->why = a.unseen;
	return ret;
}

int tasks_describe(struct map_job *j)
{
	int ret = map_describe_by_btf(j);
	int64_t kt = ret ? ret : made_number(report_types(j->rb), "tid", 4, j->err);

	j->row.kt = kt;
	return kt < 0 ? kt : 0;
}

/* ---- cgroups --------------------------------------------------------------------------------- */

static int ask_cgroups_below(struct asking *a, int dir_fd, int depth);

static int ask_child(struct asking *a, int dir_fd, const struct dirent *at, int depth)
{
	int fd;

	if (at->d_type != DT_DIR || at->d_name[0] == '.')
		return 0;
	fd = openat(dir_fd, at->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return 0;
	return fd < 0 ? end(a, READ_FAILED, errno) : ask_cgroups_below(a, fd, depth);
}

/* The cgroup at @dir_fd, which is closed, and all within. Its id is its folder's inode number. */
static int ask_cgroups_below(struct asking *a, int dir_fd, int depth)
{
	_dir_ DIR *d = fdopendir(dir_fd);
	struct dirent *at;
	struct stat st;
	int ret;

	if (!d) {
		close(dir_fd);
		return KSNAP_E_NOMEM;
	}
	if (depth > DEPTH_MAX)
		return end(a, READ_ROOM, 0);
	ret = fstat(dir_fd, &st) ? end(a, READ_FAILED, errno) : ask(a, dir_fd, st.st_ino);
	while (!ret && !a->is_over && (at = readdir(d)))
		ret = ask_child(a, dir_fd, at, depth + 1);
	return ret;
}

int cgroups_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	struct asking a = { .j = j, .e = e, .res = res };
	char root[4096];
	int fd, ret = cgroup_root("/proc/self/mounts", root, sizeof(root), NULL);

	if (ret)
		return end(&a, READ_FAILED, ENODEV);
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return end(&a, READ_FAILED, errno);
	res->end = READ_DONE;
	return ask_cgroups_below(&a, fd, 0);
}

int cgroups_describe(struct map_job *j)
{
	int ret = map_describe_by_btf(j);
	int64_t kt = ret ? ret : made_number(report_types(j->rb), "cgroup_id", 8, j->err);

	j->row.key_size = 8;
	j->row.kt = kt;
	return kt < 0 ? kt : 0;
}

/* ---- the deprecated storage of cgroups ---------------------------------------------------------
 */

struct listing {
	struct map_job *j;
	struct entries *e;
	struct read_result *res;
	uint8_t key[sizeof(struct bpf_cgroup_storage_key)];  /* in hand */
	uint8_t lost[sizeof(struct bpf_cgroup_storage_key)]; /* listed, and not there */
	bool has_lost;
};

enum { LISTED, LOST, ENDED };

static int end_listing(struct listing *l, enum read_end how, int error)
{
	l->res->end = how;
	l->res->error = error;
	return ENDED;
}

/* The key in hand. */
static int take_key(struct listing *l)
{
	const struct read_plan *p = &l->j->plan;
	struct entries *e = l->e;
	int ret = e->count < e->room ? 0 : entries_grow(p, e);

	if (ret < 0)
		return ret;
	if (ret || e->count >= ASK_MAX)
		return end_listing(l, READ_ROOM, 0);
	if (e->count % ASK_CHECK == ASK_CHECK - 1 && clock_mono_ns() >= p->deadline_mono_ns)
		return end_listing(l, READ_DEADLINE, 0);
	if (bpf_map_lookup_elem(p->fd, l->key, e->vals + e->count * p->val_size))
		return errno == ENOENT ? LOST : end_listing(l, READ_FAILED, errno);
	memcpy(e->keys + e->count++ * p->key_size, l->key, p->key_size);
	return LISTED;
}

static int list_once(struct listing *l)
{
	int fd = l->j->plan.fd, ret = LISTED, error = bpf_map_get_next_key(fd, NULL, l->key);

	l->e->count = 0;
	while (!error && ret == LISTED) {
		ret = take_key(l);
		if (ret == LISTED)
			error = bpf_map_get_next_key(fd, l->key, l->key);
	}
	if (ret != LISTED)
		return ret;
	return errno == ENOENT ? end_listing(l, READ_DONE, 0) : end_listing(l, READ_FAILED, errno);
}

/* A key that is not there may have gone away, and what was behind it is not known. But some kernels
 * give one behind the last, out of memory that is none: it is the same each time. */
int old_storage_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	struct listing l = { .j = j, .e = e, .res = res };
	int ret = LOST;

	if (j->plan.key_size > sizeof(l.key))
		return end(&(struct asking){ .res = res }, READ_FAILED, EINVAL);
	for (int i = 0; ret == LOST && i <= READ_RESTARTS; i++) {
		res->restarts += i > 0;
		ret = list_once(&l);
		if (ret != LOST)
			break;
		if (l.has_lost && !memcmp(l.lost, l.key, j->plan.key_size))
			ret = end_listing(&l, READ_DONE, 0);
		memcpy(l.lost, l.key, sizeof(l.lost));
		l.has_lost = true;
	}
	if (ret == LOST)
		end_listing(&l, READ_RESTARTED, 0);
	return ret < 0 ? ret : 0;
}
