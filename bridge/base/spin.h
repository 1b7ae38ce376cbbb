/* SPDX-License-Identifier: MIT */
/* spin.h - look for a while before a thread sleeps.
 *
 * To be woken costs more than to look, most of all on a virtual machine whose CPU had nothing else
 * to do, and threads that hand work on to one another sleep only for as long as that work takes.
 * It looks for a tenth of a millisecond at most and lets others have the CPU in between; where that
 * finds nothing, or other programs want the CPU, it is given up for a while. */
#ifndef KSNAP_BASE_SPIN_H
#define KSNAP_BASE_SPIN_H

#include <poll.h>

#define SPIN_MISSES 4  /* looks in vain in a row, after which it is given up */
#define SPIN_PAUSE  64 /* waits without a look then */

/* What a thread's waits have to remember; zeroes at first. */
struct spin {
	unsigned misses; /* looks in vain since the last that was not */
	unsigned pause;  /* waits that are still to go without one */
};

/* As poll(2), which it ends with. @s NULL: as poll(2) at once. */
int spin_poll(struct spin *s, struct pollfd *fds, nfds_t n, int timeout_ms);

#endif
