// SPDX-License-Identifier: MIT
/* map_mapped.c - arrays and sections that programs share with user space by mapping: large ones
 * are copied out of such a mapping, which takes no system call an entry and one copy less.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "capture/live/map_job.h"

#define MAPPED_MIN (64u << 10) /* bytes; below it a look-up is faster than a mapping */
#define CHUNK      (1u << 16)  /* entries between two looks at the clock */

/* The kernel's distance from one value to the next. */
static size_t kernel_stride(const struct read_plan *p)
{
	return (p->val_size + 7) / 8 * 8;
}

static size_t mapped_size(const struct read_plan *p)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (kernel_stride(p) * p->expected + page - 1) / page * page;
}

static void copy_entries(const struct read_plan *p, const uint8_t *from, struct entries *e,
			 uint64_t n)
{
	size_t stride = kernel_stride(p);
	uint8_t *to = e->vals + e->count * p->val_size;

	from += e->count * stride;
	if (stride == p->val_size)
		memcpy(to, from, n * stride);
	for (uint64_t i = 0; stride != p->val_size && i < n; i++)
		memcpy(to + i * p->val_size, from + i * stride, p->val_size);
	for (uint64_t i = 0; !p->is_section && i < n; i++) {
		uint32_t key = e->count + i;

		memcpy(e->keys + key * sizeof(key), &key, sizeof(key));
	}
	e->count += n;
}

static int copy_all(const struct read_plan *p, const uint8_t *from, struct entries *e,
		    struct read_result *res)
{
	uint64_t n;
	int ret = 0;

	while (!ret && e->room < p->expected)
		ret = entries_grow(p, e);
	if (ret < 0)
		return ret;
	res->end = ret ? READ_ROOM : READ_DONE;
	for (n = ret ? e->room : p->expected; e->count < n;) {
		copy_entries(p, from, e, n - e->count < CHUNK ? n - e->count : CHUNK);
		if (e->count < n && clock_mono_ns() >= p->deadline_mono_ns) {
			res->end = READ_DEADLINE;
			return 0;
		}
	}
	return 0;
}

/* What cannot be mapped, by its flags or for locks within its values, is looked up. */
int array_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	const struct read_plan *p = &j->plan;
	size_t size = mapped_size(p);
	void *from = MAP_FAILED;
	int ret;

	if ((j->info.map_flags & BPF_F_MMAPABLE) && size >= MAPPED_MIN)
		from = mmap(NULL, size, PROT_READ, MAP_SHARED, p->fd, 0);
	if (from == MAP_FAILED)
		return map_read(p, e, res);
	ret = copy_all(p, from, e, res);
	munmap(from, size);
	return ret;
}
