// SPDX-License-Identifier: MIT
/* cpu_news.c - uevents: what the kernel broadcasts of its devices, of which CPUs are some. */
#include "capture/live/cpu_news.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define KERNELS_GROUP 1    /* of uevents; udev's own is another */
#define WORDS_MAX     8192 /* bytes of a message, at most 2048 by the kernel's own limit */

int cpu_news_open(struct ksnap_err *err)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK, .nl_groups = KERNELS_GROUP };
	_close_ int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&me, sizeof(me)))
		return take_fd(fd);
	err_errno(err, KSNAP_E_TARGET, errno, "the kernel's word on its CPUs cannot be had");
	return -1;
}

bool cpu_news_is_one(const char *words, size_t len)
{
	bool is_cpu = false, is_change = false;

	for (size_t at = 0, n; at < len; at += n + 1) {
		const char *word = words + at;

		n = strnlen(word, len - at);
		is_cpu |= n == strlen("SUBSYSTEM=cpu") && !memcmp(word, "SUBSYSTEM=cpu", n);
		is_change |= (n == strlen("ACTION=online") && !memcmp(word, "ACTION=online", n)) ||
			     (n == strlen("ACTION=offline") && !memcmp(word, "ACTION=offline", n));
	}
	return is_cpu && is_change;
}

/* Processes may speak to this group, too; the kernel is number 0. */
static ssize_t read_one(int fd, char *words, bool *ret_kernels)
{
	struct sockaddr_nl from = { 0 };
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, words, WORDS_MAX, 0, (struct sockaddr *)&from, &size);

	*ret_kernels = size == sizeof(from) && !from.nl_pid;
	return n;
}

bool cpu_news_read(int fd)
{
	char words[WORDS_MAX];
	bool news = false, kernels;
	ssize_t n;

	while ((n = read_one(fd, words, &kernels)) >= 0 || errno == ENOBUFS || errno == EINTR)
		news |= n < 0 ? errno == ENOBUFS : kernels && cpu_news_is_one(words, (size_t)n);
	return news;
}
