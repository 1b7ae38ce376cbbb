// SPDX-License-Identifier: MIT
/* rival.c - spawn, connect, lines. */
#include "bench/rival.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"

#define TRIES      500
#define BETWEEN_NS 10000000
#define PATH_MORE  "/usr/sbin:/sbin"

static bool find(const char *program, char *ret, size_t cap)
{
	const char *path = getenv("PATH");
	char all[4096], *rest = all, *dir;

	snprintf(all, sizeof(all), "%s:%s", path ? path : "", PATH_MORE);
	while ((dir = strsep(&rest, ":"))) {
		snprintf(ret, cap, "%s/%s", dir, program);
		if (*dir && access(ret, X_OK) == 0)
			return true;
	}
	return false;
}

bool rival_is_there(const char *program)
{
	char path[512];

	return find(program, path, sizeof(path));
}

int rival_init(struct rival *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = -1;
	snprintf(r->folder, sizeof(r->folder), "/tmp/ksnap-rival.XXXXXX");
	if (mkdtemp(r->folder))
		return 0;
	r->folder[0] = 0;
	return bench_wrong("no folder for %s", "another server");
}

/* Ends with the bench, also when that is killed. Never returns. */
static void become(const char *path, const char *const *argv, pid_t bench)
{
	int nowhere = open("/dev/null", O_WRONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == bench && dup2(nowhere, 1) >= 0 && dup2(nowhere, 2) >= 0)
		execv(path, (char *const *)argv);
	_exit(127);
}

int rival_spawn(struct rival *r, const char *const *argv)
{
	pid_t bench = getpid();
	char path[512];

	if (!find(argv[0], path, sizeof(path)))
		return bench_wrong("%s is not installed", argv[0]);
	fflush(stdout);
	r->pid = fork();
	if (r->pid == 0)
		become(path, argv, bench);
	return r->pid < 0 ? bench_wrong("%s: %s", path, strerror(errno)) : 0;
}

static int connect_to(struct rival *r, const struct sockaddr *to, socklen_t len)
{
	const struct timespec between = { .tv_nsec = BETWEEN_NS };

	for (int i = 0; i < TRIES; i++) {
		r->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(r->fd, to, len) == 0)
			return 0;
		close(r->fd);
		r->fd = -1;
		nanosleep(&between, NULL);
	}
	return bench_wrong("the other server does not listen: %s", strerror(errno));
}

int rival_connect_unix(struct rival *r, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	return connect_to(r, (struct sockaddr *)&to, sizeof(to));
}

int rival_connect_port(struct rival *r, unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect_to(r, (struct sockaddr *)&to, sizeof(to)))
		return -1;
	setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

int rival_flush(struct rival *r)
{
	size_t at = 0;

	if (!buf_ok(&r->out))
		return bench_wrong("no memory");
	while (at < r->out.len) {
		ssize_t n = write(r->fd, r->out.data + at, r->out.len - at);

		if (n <= 0)
			return bench_wrong("the other server hung up");
		at += n;
	}
	buf_clear(&r->out);
	return 0;
}

bool rival_has_line(const struct rival *r)
{
	return memchr(r->in + r->at, '\n', r->len - r->at);
}

/* What is left goes to the front; a line longer than @in cannot be read. */
static int read_more(struct rival *r)
{
	ssize_t n;

	memmove(r->in, r->in + r->at, r->len - r->at);
	r->len -= r->at;
	r->at = 0;
	n = read(r->fd, r->in + r->len, sizeof(r->in) - r->len);
	if (n <= 0)
		return bench_wrong("the other server hung up, or said too much in one line");
	r->len += n;
	return 0;
}

char *rival_line(struct rival *r)
{
	char *line, *end;

	while (!rival_has_line(r)) {
		if (read_more(r))
			return NULL;
	}
	line = r->in + r->at;
	end = memchr(line, '\n', r->len - r->at);
	r->at = end + 1 - r->in;
	*end = 0;
	if (end > line && end[-1] == '\r')
		end[-1] = 0;
	return line;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void rival_close(struct rival *r)
{
	if (r->fd >= 0)
		close(r->fd);
	buf_fini(&r->out);
	r->fd = -1;
}

void rival_stop(struct rival *r)
{
	rival_close(r);
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
	}
	if (r->folder[0])
		nftw(r->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	memset(r, 0, sizeof(*r));
	r->fd = -1;
}
