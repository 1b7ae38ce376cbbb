// SPDX-License-Identifier: MIT
/* cgroup.c - read a cgroup's list of ids whole. */
#include "capture/live/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"

#define READ_AT_ONCE 65536

/* v1 calls the list of threads otherwise. */
static const char *list_file(const struct cgroup_place *p, bool threads)
{
	if (!threads)
		return "cgroup.procs";
	return p->version == 1 ? "tasks" : "cgroup.threads";
}

static int refuse_read(struct ksnap_err *err, int errnum, const char *file,
		       const struct cgroup_place *p)
{
	if (errnum == EOPNOTSUPP)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "cgroup %s is threaded: its processes are listed at the threaded "
			       "domain above it, and here are only threads; ask for threads",
			       p->path);
	if (errnum == ENODEV)
		return err_set(err, KSNAP_E_NOTFOUND, "cgroup %s was removed", p->path);
	return err_errno(err, KSNAP_E_TARGET, errnum, "cannot read %s of cgroup %s", file, p->path);
}

/* 0 or an errno. */
static int read_whole(int fd, struct buf *b)
{
	for (;;) {
		char *p = buf_reserve(b, READ_AT_ONCE + 1);
		ssize_t n;

		if (!p)
			return ENOMEM;
		n = read(fd, p, READ_AT_ONCE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
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

static int parse_ids(const struct buf *b, uint32_t **ret, size_t *ret_n, struct ksnap_err *err)
{
	size_t n = 0, lines = count_lines(b);
	uint32_t *ids = calloc(lines + 1, sizeof(*ids));
	char *p = (char *)b->data, *end;

	if (!ids)
		return err_nomem(err);
	while (n < lines) {
		ids[n] = strtoul(p, &end, 10);
		if (end == p)
			break;
		p = end;
		n++;
	}
	*ret = ids;
	*ret_n = n;
	return 0;
}

int cgroup_procs(const char *name, bool threads, uint32_t **ret, size_t *ret_n,
		 struct ksnap_err *err)
{
	_buf_ struct buf b = BUF_INIT;
	_close_ int fd = -1;
	struct cgroup_place place;
	const char *file;
	int code = cgroup_find("/proc/self/mounts", name, &place, err);

	if (code)
		return code;
	file = list_file(&place, threads);
	fd = cgroup_open(&place, file, O_RDONLY, err);
	if (fd < 0)
		return fd;
	code = read_whole(fd, &b);
	if (code == ENOMEM)
		return err_nomem(err);
	return code ? refuse_read(err, code, file, &place) : parse_ids(&b, ret, ret_n, err);
}
