// SPDX-License-Identifier: MIT
/* dial.c - connect with a deadline. */
#include "capture/guest/dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"

#define SEND_MS 5000 /* for qemu to take what it is told, before it counts as gone */

/* What connect has to wait for counts as sending. */
static int set_patience(int fd, uint64_t ns)
{
	struct timeval tv = { ns / NS_PER_S, ns % NS_PER_S / 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

/* 0, or -1 with errno: EAGAIN or EINPROGRESS when the time was over. */
static int connect_within(int fd, const struct sockaddr *a, socklen_t len, uint64_t deadline)
{
	uint64_t now = clock_mono_ns(), least = NS_PER_MS;
	int ret;

	if (set_patience(fd, deadline > now + least ? deadline - now : least))
		return -1;
	do
		ret = connect(fd, a, len);
	while (ret && errno == EINTR);
	return ret ? ret : set_patience(fd, SEND_MS * NS_PER_MS);
}

static int fail(int code, const char *at, const struct dial_words *words, struct ksnap_err *err)
{
	if (code == EAGAIN || code == EINPROGRESS)
		return err_set(err, KSNAP_E_TIMEOUT, "no %s answers at %s in time", words->peer,
			       at);
	return err_errno(err, KSNAP_E_TARGET, code, "no %s answers at %s", words->peer, at);
}

int dial_path(const char *path, const struct dial_words *words, uint64_t deadline,
	      struct ksnap_err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(err, KSNAP_E_ARG, "%s has %zu bytes, at most %zu fit: %s",
			       words->path, strlen(path), sizeof(a.sun_path) - 1, path);
	strcpy(a.sun_path, path);
	if (fd < 0)
		return err_errno(err, KSNAP_E_TARGET, errno, "socket");
	if (connect_within(fd, (struct sockaddr *)&a, sizeof(a), deadline))
		return fail(errno, path, words, err);
	return take_fd(fd);
}

/* A descriptor, or -1 with errno. */
static int dial_address(const struct addrinfo *a, uint64_t deadline)
{
	_close_ int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);

	if (fd < 0 || connect_within(fd, a->ai_addr, a->ai_addrlen, deadline))
		return -1;
	return take_fd(fd);
}

int dial_host(const char *at, const struct dial_words *words, uint64_t deadline,
	      struct ksnap_err *err)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC }, *all;
	const char *colon = strrchr(at, ':');
	char host[256];
	int fd = -1, code;

	snprintf(host, sizeof(host), "%.*s", (int)(colon - at), at);
	code = getaddrinfo(*host ? host : NULL, colon + 1, &want, &all);
	if (code)
		return err_set(err, KSNAP_E_ARG, "%s is no host:port of a %s: %s", at, words->peer,
			       gai_strerror(code));
	for (struct addrinfo *a = all; a && fd < 0; a = a->ai_next) {
		fd = dial_address(a, deadline);
		code = errno;
	}
	freeaddrinfo(all);
	return fd >= 0 ? fd : fail(code, at, words, err);
}
