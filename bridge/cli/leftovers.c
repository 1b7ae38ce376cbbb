// SPDX-License-Identifier: MIT
/* leftovers.c - cgroups are removed, processes moved back, settings put back, by a dead script's
 * notes. */
#include "cli/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define SETTLE_NS (2 * NS_PER_S) /* for those that were killed to leave a cgroup */
#define PAUSE_NS  (2 * NS_PER_MS)

struct words {
	char text[1024];
	size_t len;
	unsigned n;
};

struct leftovers {
	struct words undone, held, left;
};

/* What has no room is counted in n only. */
__attribute__((format(printf, 2, 3))) static void add(struct words *w, const char *fmt, ...)
{
	size_t room = sizeof(w->text) - w->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->text + w->len, room, fmt, ap);
	va_end(ap);
	w->n++;
	if (n >= 0 && (size_t)n < room)
		w->len += (size_t)n;
	else
		w->text[w->len] = '\0';
}

static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static int remove_cgroup(const char *path)
{
	const struct timespec pause = { 0, PAUSE_NS };
	uint64_t until = clock_mono_ns() + SETTLE_NS;

	while (rmdir(path)) {
		if (errno != EBUSY || clock_mono_ns() > until)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Is the process still where it was moved to? */
static bool is_in(const char *pid, const char *cgroup)
{
	char path[64], line[4352];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/cgroup", pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		found = !strncmp(line, "0::", 3) && !strcmp(line + 3, cgroup);
	}
	if (f)
		fclose(f);
	return found;
}

/* @text: "PID /cgroup" */
static int move_back(const char *path, const char *text)
{
	char pid[24];
	const char *space = strchr(text, ' ');

	if (!space || (size_t)(space - text) >= sizeof(pid))
		return -EINVAL;
	memcpy(pid, text, (size_t)(space - text));
	pid[space - text] = '\0';
	return is_in(pid, space + 1) ? write_to(path, pid) : 0;
}

static int undo(const struct note *note)
{
	if (!strcmp(note->kind, "rmdir"))
		return remove_cgroup(note->path);
	if (!strcmp(note->kind, "write"))
		return write_to(note->path, note->text);
	if (!strcmp(note->kind, "move"))
		return move_back(note->path, note->text);
	return -EINVAL;
}

static void take(void *arg, const struct note *note)
{
	struct leftovers *l = arg;
	int rc;

	if (!strcmp(note->kind, "held")) {
		add(&l->held, "%s%s", l->held.n ? ", " : "", note->words);
		return;
	}
	rc = undo(note);
	if (rc == 0 || rc == -ENOENT || rc == -ESRCH)
		add(&l->undone, "%s%s", l->undone.n ? ", " : "", note->words);
	else
		add(&l->left, "%s%s: %s", l->left.n ? ", " : "", note->words, strerror(-rc));
}

static void say(char *text, size_t cap, const char *what, const struct words *w)
{
	size_t len = strlen(text);

	if (w->n)
		snprintf(text + len, cap - len, "; %s (%u): %s", what, w->n, w->text);
}

unsigned leftovers_undo(const struct notes *n, char *text, size_t cap)
{
	struct leftovers l = { 0 };
	unsigned more = notes_each(n, take, &l);
	size_t len;

	text[0] = '\0';
	say(text, cap, "undone in its place", &l.undone);
	say(text, cap, "undone by the broker, as the session ends", &l.held);
	say(text, cap, "left for you to undo", &l.left);
	len = strlen(text);
	if (more)
		snprintf(text + len, cap - len,
			 "; left, and not known by name, for notes of them found no room "
			 "(%u bytes): %u",
			 NOTES_BYTES, more);
	return l.left.n + more;
}
