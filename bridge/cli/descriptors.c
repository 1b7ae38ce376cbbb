// SPDX-License-Identifier: MIT
/* descriptors.c - how many files a broker may have open. */
#include "cli/descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"

void descriptors_raise(void)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &most) < 0 || most.rlim_cur == most.rlim_max)
		return;
	most.rlim_cur = most.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &most) < 0)
		log_warn("the limit of open files stays as it is (ulimit -Sn): it cannot be raised "
			 "to the hard one, %llu: %s",
			 (unsigned long long)most.rlim_max, strerror(errno));
}
