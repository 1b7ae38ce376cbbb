// SPDX-License-Identifier: MIT
/* backend.c - go through what qemu says of its memory backends, and compare files. */
#include "capture/guest/backend.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"

#define ID_MAX 128

struct backends {
	struct qmp *q;
	uint64_t deadline;
	struct stat wanted;
	pid_t qemu;         /* 0: not known */
	bool is_shared;     /* the wanted one */
	bool has_wanted;    /* among them */
	bool has_unseen;    /* one that names no file, or none that can be seen from here */
	char one[PATH_MAX]; /* a file that is not the wanted one; "": none */
};

/* By the connection: who listens, and so whose folders its paths are of. */
static pid_t peer_of(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) ? 0 : who.pid;
}

static bool stat_as_qemu(const struct backends *b, const char *path, struct stat *ret)
{
	char there[PATH_MAX + 64];

	snprintf(there, sizeof(there), "/proc/%d/%s/%s", (int)b->qemu,
		 *path == '/' ? "root" : "cwd", path);
	return b->qemu && !stat(there, ret);
}

/* The file of backend @id; false: it has none, or does not tell. */
static bool file_of(const struct backends *b, struct json id, char *buf, size_t cap)
{
	char name[ID_MAX], arguments[2 * ID_MAX];
	struct json path;

	if (!json_string(id, name, sizeof(name)) || strpbrk(name, "\"\\"))
		return false;
	snprintf(arguments, sizeof(arguments),
		 "{\"path\": \"/objects/%s\", \"property\": \"mem-path\"}", name);
	return !qmp_call(b->q, "qom-get", arguments, b->deadline, &path, NULL) &&
	       json_string(path, buf, cap) && *buf;
}

static void look_at(struct backends *b, struct json backend)
{
	char path[PATH_MAX];
	struct json id, share;
	struct stat st;

	if (!json_member(backend, "id", &id) || !file_of(b, id, path, sizeof(path)) ||
	    !stat_as_qemu(b, path, &st)) {
		b->has_unseen = true;
	} else if (st.st_dev == b->wanted.st_dev && st.st_ino == b->wanted.st_ino) {
		b->has_wanted = true;
		b->is_shared = !json_member(backend, "share", &share) || json_is(share, "true");
	} else {
		strcpy(b->one, path);
	}
}

static int judge(const struct backends *b, const char *path, struct ksnap_err *err)
{
	if (b->has_wanted && !b->is_shared)
		return err_set(
			err, KSNAP_E_ARG,
			"mem=%s is the guest's memory, but qemu keeps what the guest writes to "
			"itself: it needs share=on at its memory-backend-file",
			path);
	if (b->has_wanted || b->has_unseen)
		return 0;
	return err_set(err, KSNAP_E_ARG,
		       "mem=%s is not what qemu backs the guest's memory with%s%s", path,
		       *b->one ? ", that is " : ": it has no memory-backend-file", b->one);
}

int backend_check(struct qmp *q, const char *path, uint64_t deadline_mono_ns, struct ksnap_err *err)
{
	struct backends b = { .q = q, .deadline = deadline_mono_ns, .qemu = peer_of(q->fd) };
	_free_ char *copy = NULL;
	struct json list, backend;
	size_t at = 0;

	if (stat(path, &b.wanted) || qmp_call(q, "query-memdev", NULL, b.deadline, &list, NULL))
		return 0;
	copy = malloc(list.len + 1); /* the next question overwrites it */
	if (!copy)
		return err_nomem(err);
	memcpy(copy, list.p, list.len);
	list.p = copy;
	if (!list.len || *copy != '[')
		return 0;
	while (json_next(list, &at, &backend))
		look_at(&b, backend);
	return judge(&b, path, err);
}
