// SPDX-License-Identifier: MIT
/* spin.c - poll without waiting, let others of this CPU go on, and again. */
#include "base/spin.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define LOOK_NS   (100 * NS_PER_US)
#define LOOKS_MAX 1000            /* whatever the clock says */
#define CROWD_NS  (NS_PER_MS / 2) /* away for so long: others have more to do than a moment */

static bool is_pausing(struct spin *s)
{
	if (!s->pause)
		return false;
	s->pause--;
	return true;
}

/* As poll: 0 when nothing came; *crowded: because others had the CPU. */
static int look(struct pollfd *fds, nfds_t n, bool *crowded)
{
	uint64_t begin = clock_mono_ns(), last = begin, now;

	for (int i = 0; i < LOOKS_MAX; i++) {
		int rc = poll(fds, n, 0);

		if (rc)
			return rc;
		sched_yield();
		now = clock_mono_ns();
		*crowded = now - last > CROWD_NS;
		if (*crowded || now - begin > LOOK_NS)
			break;
		last = now;
	}
	return 0;
}

int spin_poll(struct spin *s, struct pollfd *fds, nfds_t n, int timeout_ms)
{
	bool crowded = false;
	int rc;

	if (!s || !timeout_ms || is_pausing(s))
		return poll(fds, n, timeout_ms);
	rc = look(fds, n, &crowded);
	if (rc) {
		s->misses = 0;
		return rc;
	}
	if (s->misses < SPIN_MISSES)
		s->misses++;
	if (crowded || s->misses == SPIN_MISSES)
		s->pause = SPIN_PAUSE;
	return poll(fds, n, timeout_ms);
}
