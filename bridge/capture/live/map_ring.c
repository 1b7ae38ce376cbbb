// SPDX-License-Identifier: MIT
/* map_ring.c - ring buffers: where writer and reader are. The data is left alone, for reading it
 * would take it from whom it is meant for.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "capture/live/map_job.h"

/* One position: a number at the begin of page @page of the map. 0 or an errno. */
static int read_position(int fd, unsigned page, uint64_t *ret)
{
	long size = sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, page * size);

	if (p == MAP_FAILED)
		return errno;
	*ret = __atomic_load_n((unsigned long *)p, __ATOMIC_ACQUIRE);
	munmap(p, size);
	return 0;
}

/* The consumer's first: it never passes the producer's, so what pends is never below 0. */
int ring_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	struct report_ring r = { .capacity = j->info.max_entries };
	int error = read_position(j->plan.fd, 0, &r.consumer);

	if (!error)
		error = read_position(j->plan.fd, 1, &r.producer);
	res->error = error;
	res->end = error ? READ_FAILED : READ_DONE;
	if (!error && buf_append(&j->beside, &r, sizeof(r)))
		return KSNAP_E_NOMEM;
	return 0;
}

int ring_finish(struct map_job *j, const struct entries *e)
{
	if (j->beside.len == sizeof(struct report_ring))
		j->result.ring = (const struct report_ring *)j->beside.data;
	return 0;
}
