// SPDX-License-Identifier: MIT
/* descriptors.c - how many files a broker, or a worker, may have open. */
#include "cli/descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"

#define FOR_BROKER 2048

static rlim_t most_of_broker(const struct rlimit *l)
{
	rlim_t most = l->rlim_max < FOR_BROKER ? l->rlim_max : FOR_BROKER;

	return l->rlim_cur > most ? l->rlim_cur : most;
}

uint64_t descriptors_of_broker(void)
{
	struct rlimit l = { 0 };

	getrlimit(RLIMIT_NOFILE, &l);
	return most_of_broker(&l);
}

static void raise_to(struct rlimit *l, rlim_t most)
{
	if (l->rlim_cur == most)
		return;
	l->rlim_cur = most;
	if (setrlimit(RLIMIT_NOFILE, l) < 0)
		log_warn("the limit of open files stays as it is (ulimit -Sn): it cannot be raised "
			 "to %llu: %s",
			 (unsigned long long)most, strerror(errno));
}

void descriptors_raise_for_broker(void)
{
	struct rlimit l;

	if (!getrlimit(RLIMIT_NOFILE, &l))
		raise_to(&l, most_of_broker(&l));
}

void descriptors_raise(void)
{
	struct rlimit l;

	if (!getrlimit(RLIMIT_NOFILE, &l))
		raise_to(&l, l.rlim_max);
}
