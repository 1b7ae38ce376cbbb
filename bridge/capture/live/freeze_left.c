// SPDX-License-Identifier: MIT
/* freeze_left.c - read marks, one cgroup's or a whole tree's. */
#include "capture/live/freeze_left.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "capture/live/freeze_file.h"
#include "capture/live/freeze_mark.h"

/* It may run again already: its guard was killed between its two steps, or somebody wrote a 0; and
 * after that somebody may have frozen it anew. */
static bool thaw(int freeze_fd, const struct freeze_mark *m, const char *path)
{
	bool was_frozen = freeze_file_is_set(freeze_fd);

	if (was_frozen && freeze_mark_is_over(freeze_fd, m)) {
		freeze_mark_remove(freeze_fd);
		log_info("cgroup %s stays frozen: it ran since %s had frozen it through a ksnap "
			 "worker, process %" PRIu64 ", that was killed; somebody else froze it",
			 path, m->by, m->worker.pid);
		return false;
	}
	if (was_frozen && !freeze_file_write(freeze_fd, '0')) {
		log_error("cgroup %s, which a killed ksnap left frozen, cannot be thawed: %s", path,
			  strerror(errno));
		return false;
	}
	freeze_mark_remove(freeze_fd);
	if (was_frozen)
		log_warn("cgroup %s goes on: %s had frozen it through a ksnap worker, process "
			 "%" PRIu64 ", that was killed together with the child that thaws",
			 path, m->by, m->worker.pid);
	return was_frozen;
}

bool freeze_left_undo(int freeze_fd, const char *path)
{
	struct freeze_mark m;
	bool undone = false;

	/* Two must not undo the same one: the second would undo what somebody froze anew. */
	if (flock(freeze_fd, LOCK_EX | LOCK_NB))
		return false;
	if (freeze_mark_get(freeze_fd, &m) && freeze_mark_is_left(&m))
		undone = thaw(freeze_fd, &m, path);
	flock(freeze_fd, LOCK_UN);
	return undone;
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct sweep {
	freeze_left_fn undone;
	void *arg;
	size_t root_len;
	char path[PATH_MAX];
};

static void look(struct sweep *s)
{
	char file[PATH_MAX + 16];
	_close_ int fd = -1;

	snprintf(file, sizeof(file), "%s/cgroup.freeze", s->path);
	if (getxattr(file, FREEZE_MARK, NULL, 0) < 0)
		return;
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && freeze_left_undo(fd, s->path + s->root_len))
		s->undone(s->arg, s->path + s->root_len);
}

static bool is_below(const struct dirent *d)
{
	return d->d_type == DT_DIR && strcmp(d->d_name, ".") && strcmp(d->d_name, "..");
}

static void walk(struct sweep *s, size_t len)
{
	const struct dirent *d;
	DIR *dir = opendir(s->path);

	if (!dir)
		return;
	while ((d = readdir(dir))) {
		size_t n = strlen(d->d_name) + 1;

		if (!is_below(d) || len + n >= sizeof(s->path))
			continue;
		s->path[len] = '/';
		strcpy(s->path + len + 1, d->d_name);
		look(s);
		walk(s, len + n);
		s->path[len] = 0;
	}
	closedir(dir);
}

void freeze_left_sweep(const char *root, freeze_left_fn undone, void *arg)
{
	struct sweep s = { .undone = undone, .arg = arg, .root_len = strlen(root) };

	if (s.root_len >= sizeof(s.path))
		return;
	strcpy(s.path, root);
	walk(&s, s.root_len);
}
