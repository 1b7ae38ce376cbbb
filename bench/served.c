// SPDX-License-Identifier: MIT
/* served.c - spawn, read the line that says it serves, stop, look for what is left. */
#include "bench/served.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

static const char *const sockets[] = { "control", "live", "work" };

#define MAX_BRIDGES "128"
#define SOCKETS     (sizeof(sockets) / sizeof(*sockets))

static int make_folder(struct served *s)
{
	snprintf(s->folder, sizeof(s->folder), "/tmp/ksnap-bench.XXXXXX");
	if (!mkdtemp(s->folder))
		return bench_wrong("no folder for sockets");
	snprintf(s->url, sizeof(s->url), "ipc://%s/control", s->folder);
	return 0;
}

static int spawn(struct served *s, const char *program, const char *target, int said)
{
	char *const argv[] = { (char *)program, "serve",         "--bind",    s->url, "--target",
			       (char *)target,  "--max-bridges", MAX_BRIDGES, NULL };
	posix_spawn_file_actions_t actions;
	int code;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, said, 2);
	code = posix_spawn(&s->pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return code ? bench_wrong("%s: %s", program, strerror(code)) : 0;
}

/* All that it says until then is shown when it never does. */
static int wait_until_serving(struct served *s)
{
	char text[4096] = "";
	size_t len = 0;
	ssize_t n;

	while (len + 1 < sizeof(text)) {
		n = read(s->said, text + len, sizeof(text) - 1 - len);
		if (n <= 0)
			break;
		len += n;
		text[len] = 0;
		if (strstr(text, "ksnap: serving") && text[len - 1] == '\n')
			return 0;
	}
	return bench_wrong("the broker does not serve: %s", text);
}

int served_start(struct served *s, const char *target)
{
	const char *program = getenv("KSNAP");
	int fds[2];

	*s = (struct served){ .said = -1 };
	if (!program)
		return bench_wrong("KSNAP names no program; make bench sets it");
	if (make_folder(s) || pipe2(fds, O_CLOEXEC))
		return -1;
	s->said = fds[0];
	if (spawn(s, program, target, fds[1])) {
		close(fds[1]);
		return -1;
	}
	close(fds[1]);
	return wait_until_serving(s);
}

/* Removes what is left, too. */
static int check_folder(struct served *s)
{
	unsigned left = 0;

	for (size_t i = 0; i < SOCKETS; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", s->folder, sockets[i]);
		left += unlink(path) == 0;
	}
	rmdir(s->folder);
	return left ? bench_wrong("the broker left %u sockets behind", left) : 0;
}

int served_stop(struct served *s)
{
	int status = 0, code = 0;

	if (s->pid > 0) {
		kill(s->pid, SIGTERM);
		waitpid(s->pid, &status, 0);
		if (status)
			code = bench_wrong("the broker ended with %#x", status);
	}
	if (s->said >= 0)
		close(s->said);
	if (s->folder[0] && check_folder(s))
		code = -1;
	*s = (struct served){ .said = -1 };
	return code;
}

static uint64_t status_kib(pid_t pid, const char *key)
{
	char path[64], line[256];
	unsigned long long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)))
			sscanf(line + strlen(key), " %llu", &kib);
	}
	if (f)
		fclose(f);
	return kib;
}

uint64_t served_rss(const struct served *s)
{
	return status_kib(s->pid, "VmRSS:") << 10;
}

uint64_t served_peak(const struct served *s)
{
	return status_kib(s->pid, "VmHWM:") << 10;
}

/* Of all threads. */
static uint64_t process_cpu(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	uint64_t sum = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		char file[400];
		unsigned long long ns = 0;
		FILE *f;

		snprintf(file, sizeof(file), "%s/%s/schedstat", path, entry->d_name);
		f = *entry->d_name == '.' ? NULL : fopen(file, "re");
		if (!f)
			continue;
		if (fscanf(f, "%llu", &ns) == 1)
			sum += ns;
		fclose(f);
	}
	if (d)
		closedir(d);
	return sum;
}

uint64_t served_cpu(const struct served *s)
{
	uint64_t sum = process_cpu(s->pid);
	char path[64];
	FILE *f;
	int worker;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", s->pid, s->pid);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &worker) == 1)
		sum += process_cpu(worker);
	if (f)
		fclose(f);
	return sum;
}
