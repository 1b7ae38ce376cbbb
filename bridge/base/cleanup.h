/* SPDX-License-Identifier: MIT */
/* cleanup.h - locals that clean themselves, and ownership moves that are spelled out. */
#ifndef KSNAP_BASE_CLEANUP_H
#define KSNAP_BASE_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "ksnap.h"

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void cleanup_blob(struct ksnap_blob **b)
{
	ksnap_blob_unref(*b);
}

#define _free_  __attribute__((cleanup(cleanup_free)))
#define _close_ __attribute__((cleanup(cleanup_close)))
#define _blob_  __attribute__((cleanup(cleanup_blob)))

/* Hand a pointer or descriptor over: the variable forgets it. */
#define take_ptr(p)                      \
	({                               \
		__auto_type taken = (p); \
		(p) = NULL;              \
		taken;                   \
	})
#define take_fd(fd)               \
	({                        \
		int taken = (fd); \
		(fd) = -1;        \
		taken;            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
