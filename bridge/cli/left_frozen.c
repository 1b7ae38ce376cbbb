// SPDX-License-Identifier: MIT
/* left_frozen.c - wait on cgroup.events, not for long. */
#include "cli/left_frozen.h"

#include <fcntl.h>
#include <poll.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "capture/live/cgroup_path.h"
#include "capture/live/freeze_file.h"

#define GUARD_MS 1000 /* a guard needs far less, unless the machine is very busy */

/* Each change of cgroup.events is told; it is read before each wait. */
static bool stays_frozen(int freeze_fd, int events_fd)
{
	uint64_t end = clock_mono_ns() + GUARD_MS * NS_PER_MS, now;
	struct pollfd p = { .fd = events_fd, .events = POLLPRI };
	char text[256];

	while (freeze_file_read(events_fd, text, sizeof(text)) && freeze_file_is_set(freeze_fd)) {
		now = clock_mono_ns();
		if (now >= end)
			return true;
		poll(&p, 1, (int)((end - now) / NS_PER_MS) + 1);
	}
	return false;
}

int left_frozen_add(const char *cgroup, struct ksnap_err *err)
{
	_close_ int freeze_fd = -1, events_fd = -1;
	struct ksnap_err why = *err, none;
	struct cgroup_place place;

	if (cgroup_find("/proc/self/mounts", cgroup, &place, &none))
		return why.code;
	freeze_fd = cgroup_open(&place, "cgroup.freeze", O_RDONLY, &none);
	events_fd = cgroup_open(&place, "cgroup.events", O_RDONLY, &none);
	if (freeze_fd < 0 || events_fd < 0 || !stays_frozen(freeze_fd, events_fd))
		return why.code;
	return err_set(err, why.code,
		       "%.300s; it may still be frozen: 'ksnap thaw -f %s' lets it go on", why.text,
		       place.path);
}
