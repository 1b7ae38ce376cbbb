// SPDX-License-Identifier: MIT
/* waits.c - the second number of /proc/PID/task/TID/schedstat, read from files that stay open. */
#include "bench/waits.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void waits_know(struct waits_known *ret)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *entry;

	ret->n = 0;
	while (d && (entry = readdir(d)) && ret->n < sizeof(ret->tids) / sizeof(*ret->tids)) {
		if (*entry->d_name != '.')
			ret->tids[ret->n++] = atoi(entry->d_name);
	}
	if (d)
		closedir(d);
}

static int is_known(const struct waits_known *known, pid_t tid)
{
	for (size_t i = 0; known && i < known->n; i++) {
		if (known->tids[i] == tid)
			return 1;
	}
	return 0;
}

static uint64_t read_ns(int fd)
{
	char text[128];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	unsigned long long had = 0, waited = 0;

	text[n > 0 ? n : 0] = 0;
	return sscanf(text, "%llu %llu", &had, &waited) == 2 ? waited : 0;
}

void waits_add_thread(struct waits *w, pid_t pid, pid_t tid)
{
	char path[64];
	int fd;

	if (w->n == WAITS_THREADS)
		return;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		w->threads[w->n++] = (struct waits_thread){ tid, fd, read_ns(fd) };
}

void waits_add(struct waits *w, pid_t pid, const struct waits_known *known)
{
	struct dirent *entry;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		if (*entry->d_name != '.' && !is_known(known, atoi(entry->d_name)))
			waits_add_thread(w, pid, atoi(entry->d_name));
	}
	if (d)
		closedir(d);
}

uint64_t waits_longest(struct waits *w)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < w->n; i++) {
		struct waits_thread *t = &w->threads[i];
		uint64_t ns = read_ns(t->fd), more = ns > t->ns ? ns - t->ns : 0;

		t->ns = ns > t->ns ? ns : t->ns;
		longest = more > longest ? more : longest;
	}
	return longest;
}

void waits_fini(struct waits *w)
{
	for (size_t i = 0; i < w->n; i++)
		close(w->threads[i].fd);
	w->n = 0;
}
