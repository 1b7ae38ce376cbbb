// SPDX-License-Identifier: MIT
/* cgroup.c - find the v2 hierarchy and read a cgroup.procs whole. */
#include "capture/live/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/privilege.h"

#define READ_AT_ONCE 65536

int cgroup_root(const char *mounts, char *buf, size_t cap, struct ksnap_err *err)
{
	FILE *f = setmntent(mounts, "re");
	char line[PATH_MAX + 512];
	struct mntent m;
	bool found = false;

	if (!f)
		return err_errno(err, KSNAP_E_TARGET, errno, "cannot read %s", mounts);
	while (!found && getmntent_r(f, &m, line, sizeof(line))) {
		found = !strcmp(m.mnt_type, "cgroup2") && strlen(m.mnt_dir) < cap;
		if (found)
			memcpy(buf, m.mnt_dir, strlen(m.mnt_dir) + 1);
	}
	endmntent(f);
	if (found)
		return 0;
	return err_set(err, KSNAP_E_UNSUPPORTED,
		       "no cgroup v2 hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup");
}

static bool climbs(const char *path)
{
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && !strncmp(p, "..", 2))
			return true;
		p += len + (p[len] == '/');
	}
	return false;
}

static int open_procs(const char *path, int *ret, struct ksnap_err *err)
{
	char root[PATH_MAX], file[2 * PATH_MAX];
	size_t len;
	int code;

	if (path[0] != '/' || climbs(path))
		return err_set(err, KSNAP_E_ARG,
			       "cgroup '%s': give a path that begins with / and has no '..' in it",
			       path);
	code = cgroup_root("/proc/self/mounts", root, sizeof(root), err);
	if (code)
		return code;
	len = strlen(root);
	if (!strncmp(path, root, len) && (!path[len] || path[len] == '/'))
		path += len;
	if (snprintf(file, sizeof(file), "%s%s/cgroup.procs", root, path) >= (int)sizeof(file))
		return err_set(err, KSNAP_E_ARG, "the cgroup's path is longer than %d bytes",
			       PATH_MAX);
	*ret = open(file, O_RDONLY | O_CLOEXEC);
	if (*ret >= 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return err_set(err, KSNAP_E_NOTFOUND, "no cgroup %s below %s", *path ? path : "/",
			       root);
	if (errno == EACCES)
		return err_set(err, KSNAP_E_DENIED, "%s may not be read by this process", file);
	return err_errno(err, KSNAP_E_TARGET, errno, "cannot open %s", file);
}

static int read_whole(int fd, struct buf *b, struct ksnap_err *err)
{
	for (;;) {
		char *p = buf_reserve(b, READ_AT_ONCE + 1);
		ssize_t n;

		if (!p)
			return err_nomem(err);
		n = read(fd, p, READ_AT_ONCE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, KSNAP_E_TARGET, errno, "cannot read cgroup.procs%s",
					 errno == EOPNOTSUPP ? " (a threaded cgroup has none)"
							     : "");
		if (n == 0) {
			*p = 0;
			return 0;
		}
		buf_commit(b, n);
	}
}

static size_t count_lines(const struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += b->data[i] == '\n';
	return n;
}

int cgroup_procs(const char *path, uint32_t **ret, size_t *ret_n, struct ksnap_err *err)
{
	_buf_ struct buf b = BUF_INIT;
	_close_ int fd = -1;
	uint32_t *pids;
	char *p, *end;
	size_t n = 0, lines;
	int code = open_procs(path, &fd, err);

	if (!code)
		code = read_whole(fd, &b, err);
	if (code)
		return code;
	lines = count_lines(&b);
	pids = calloc(lines + 1, sizeof(*pids));
	if (!pids)
		return err_nomem(err);
	p = (char *)b.data;
	while (n < lines) {
		pids[n] = strtoul(p, &end, 10);
		if (end == p)
			break;
		p = end;
		n++;
	}
	*ret = pids;
	*ret_n = n;
	return 0;
}
