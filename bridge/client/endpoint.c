// SPDX-License-Identifier: MIT
/* endpoint.c - which broker is meant, and whether one is there.
 *
 * A plain AF_UNIX connect tells a live ipc socket from a file that a dead broker left behind;
 * libzmq would retry both alike without a word. */
#include "client/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"

#define IPC    "ipc://"
#define TCP    "tcp://"
#define INPROC "inproc://"

static bool is_set(const char *s)
{
	return s && *s;
}

static int copy_url(char *buf, size_t cap, const char *before, const char *middle,
		    const char *after)
{
	size_t need = strlen(before) + strlen(middle) + strlen(after) + 1;

	if (need > cap)
		return KSNAP_E_LIMIT;
	snprintf(buf, cap, "%s%s%s", before, middle, after);
	return 0;
}

int endpoint_pick(const char *named, bool is_root, const char *runtime_dir, char *buf, size_t cap)
{
	if (is_set(named))
		return copy_url(buf, cap, named, "", "");
	if (is_root)
		return copy_url(buf, cap, IPC, "/run/ksnap/control", "");
	if (is_set(runtime_dir))
		return copy_url(buf, cap, IPC, runtime_dir, "/ksnap/control");
	return KSNAP_E_NOTFOUND;
}

int endpoint_default(char *buf, size_t cap)
{
	return endpoint_pick(getenv("KSNAP_ENDPOINT"), geteuid() == 0, getenv("XDG_RUNTIME_DIR"),
			     buf, cap);
}

/* A leading @ is an abstract name, as it is to libzmq. 0 with the address, or an errno value. */
static int fill_address(const char *path, struct sockaddr_un *ret, socklen_t *ret_len)
{
	size_t len = strlen(path);

	if (!len)
		return ENOENT;
	if (len >= sizeof(ret->sun_path))
		return ENAMETOOLONG;
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	memcpy(ret->sun_path, path, len);
	if (path[0] == '@')
		ret->sun_path[0] = '\0';
	*ret_len = offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '@' ? 0 : 1);
	return 0;
}

/* 0 when somebody accepts, else why not. A full backlog means somebody is there. */
static int try_connect(const char *path)
{
	struct sockaddr_un addr;
	socklen_t len;
	_close_ int fd = -1;
	int rc = fill_address(path, &addr, &len);

	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	if (connect(fd, (struct sockaddr *)&addr, len) && errno != EAGAIN && errno != EINPROGRESS)
		return errno;
	return 0;
}

static bool is_ipc(const char *url)
{
	return !strncmp(url, IPC, strlen(IPC));
}

enum endpoint_state endpoint_look(const char *url)
{
	int rc = is_ipc(url) ? try_connect(url + strlen(IPC)) : 0;

	if (rc == EACCES || rc == EPERM)
		return ENDPOINT_BARRED;
	return rc == 0 || rc == EMFILE || rc == ENFILE ? ENDPOINT_LISTENS : ENDPOINT_ABSENT;
}

bool endpoint_listens(const char *url)
{
	return endpoint_look(url) != ENDPOINT_ABSENT;
}

bool endpoint_is_barred(const char *url)
{
	return endpoint_look(url) == ENDPOINT_BARRED;
}

bool endpoint_is_tcp(const char *url)
{
	return !strncmp(url, TCP, strlen(TCP));
}

bool endpoint_is_inproc(const char *url)
{
	return !strncmp(url, INPROC, strlen(INPROC));
}

bool endpoint_same_scheme(const char *url, const char *other, size_t len)
{
	const char *end = strstr(url, "://");
	size_t n = end ? end - url + 3 : 0;

	return n && len >= n && !memcmp(url, other, n);
}

/* Length of a wildcard host at @host, or 0. */
static size_t wildcard_len(const char *host, size_t len)
{
	static const char *const words[] = { "*", "0.0.0.0", "[::]" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);

		if (len > n && host[n] == ':' && !memcmp(host, words[i], n))
			return n;
	}
	return 0;
}

int endpoint_reach(const char *control, const char *told, size_t told_len, char *buf, size_t cap)
{
	const char *colon = strrchr(control, ':');
	size_t skip = 0, keep = 0;

	if (endpoint_same_scheme(TCP, told, told_len) &&
	    endpoint_same_scheme(TCP, control, strlen(control))) {
		skip = wildcard_len(told + strlen(TCP), told_len - strlen(TCP));
		keep = skip ? (size_t)(colon - control) : 0;
	}
	if (skip)
		skip += strlen(TCP);
	if (keep + told_len - skip >= cap)
		return KSNAP_E_LIMIT;
	snprintf(buf, cap, "%.*s%.*s", (int)keep, control, (int)(told_len - skip), told + skip);
	return 0;
}
