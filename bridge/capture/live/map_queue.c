// SPDX-License-Identifier: MIT
/* map_queue.c - queues and stacks: the element that would come out next, without taking it. */
#include <bpf/bpf.h>
#include <errno.h>

#include "capture/live/map_job.h"

/* How many wait behind it the kernel does not tell; that none does, it tells. */
int queue_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	int ret = e->room ? 0 : entries_grow(&j->plan, e);

	if (ret < 0)
		return ret;
	res->end = READ_ROOM;
	if (ret)
		return 0;
	if (!bpf_map_lookup_elem(j->plan.fd, NULL, e->vals)) {
		e->count = 1;
		res->end = j->plan.expected == 1 ? READ_DONE : READ_PEEKED;
		return 0;
	}
	res->error = errno;
	res->end = errno == ENOENT ? READ_DONE : READ_FAILED;
	return 0;
}
