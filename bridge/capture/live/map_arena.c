// SPDX-License-Identifier: MIT
/* map_arena.c - the pages of an arena that exist, by their address in user space. They are read
 * through the kernel's mapping: touching one of our own would make it.
 */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "capture/live/kernel_maps.h"
#include "capture/live/kernel_read.h"
#include "capture/live/made_types.h"
#include "capture/live/map_job.h"

#define PAGE  KERNEL_READ_MAX
#define BATCH 64         /* pages looked for at once */
#define GUARD (1u << 15) /* bytes before the first page within the kernel's mapping */

_Static_assert(PAGE == 4096, "an arena's page is read at once");

struct arena_place {
	uint64_t user, kernel; /* addresses of the first page */
};

int arena_describe(struct map_job *j)
{
	int64_t kt = made_address(report_types(j->rb), j->err);

	if (kt < 0)
		return kt;
	j->row.key_size = sizeof(uint64_t);
	j->row.value_size = PAGE;
	j->row.kt = kt;
	return 0;
}

static int read_number(struct map_job *j, uint64_t addr, uint64_t *ret)
{
	struct kernel_read r = { .addr = addr, .len = 8, .data = (uint8_t *)ret };

	if (kernel_reader_run(j->t->reader, &r, 1, &j->why))
		return j->why.code;
	return r.error ? err_set(&j->why, KSNAP_E_TARGET, "the arena's struct cannot be read") : 0;
}

/* The kernel's address of a page is its mapping's begin plus the low half of the user's. */
static int find_arena(struct map_job *j, struct arena_place *ret)
{
	struct ksnap_err *why = &j->why;
	const struct btf *btf = btf_types_load(j->t->types, BTF_OF_KERNEL, why);
	int64_t user_at = btf ? kernel_offset(btf, "bpf_arena", "user_vm_start", why) : why->code;
	int64_t area_at = user_at < 0 ? user_at : kernel_offset(btf, "bpf_arena", "kern_vm", why);
	int64_t addr_at = area_at < 0 ? area_at : kernel_offset(btf, "vm_struct", "addr", why);
	uint64_t map, area;

	if (addr_at < 0)
		return addr_at;
	if (kernel_map_address(btf, j->info.id, &map, why) ||
	    read_number(j, map + user_at, &ret->user) || read_number(j, map + area_at, &area) ||
	    read_number(j, area + addr_at, &ret->kernel))
		return why->code;
	ret->kernel += GUARD;
	return 0;
}

struct pages {
	struct map_job *j;
	struct entries *e;
	struct arena_place at;
	struct kernel_read reads[BATCH];
	uint64_t words[BATCH];
};

static uint64_t kernel_address(const struct pages *p, uint64_t page)
{
	return p->at.kernel + (uint32_t)(p->at.user + page * PAGE);
}

/* 1: no room. A page that went away between the two reads is none. */
static int take_page(struct pages *p, uint64_t page)
{
	struct entries *e = p->e;
	uint64_t key = p->at.user + page * PAGE;
	struct kernel_read r = { .addr = kernel_address(p, page), .len = PAGE };
	int ret = e->count >= e->room ? entries_grow(&p->j->plan, e) : 0;

	if (ret)
		return ret;
	r.data = e->vals + e->count * PAGE;
	if (kernel_reader_run(p->j->t->reader, &r, 1, &p->j->why))
		return p->j->why.code;
	if (r.error)
		return 0;
	memcpy(e->keys + e->count * sizeof(key), &key, sizeof(key));
	e->count++;
	return 0;
}

static int take_batch(struct pages *p, uint64_t first, unsigned n)
{
	int ret;

	for (unsigned i = 0; i < n; i++)
		p->reads[i] = (struct kernel_read){ .addr = kernel_address(p, first + i),
						    .len = 8,
						    .data = (uint8_t *)&p->words[i] };
	ret = kernel_reader_run(p->j->t->reader, p->reads, n, &p->j->why);
	for (unsigned i = 0; !ret && i < n; i++)
		if (!p->reads[i].error)
			ret = take_page(p, first + i);
	return ret;
}

static int take_pages(struct pages *p, struct read_result *res)
{
	uint64_t all = p->j->info.max_entries;
	int ret = 0;

	res->end = READ_DONE;
	for (uint64_t first = 0; !ret && first < all; first += BATCH) {
		ret = take_batch(p, first, all - first < BATCH ? all - first : BATCH);
		if (!ret && clock_mono_ns() >= p->j->plan.deadline_mono_ns) {
			res->end = READ_DEADLINE;
			return 0;
		}
	}
	if (ret == 1)
		res->end = READ_ROOM;
	return ret == 1 ? 0 : ret;
}

int arena_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	struct pages p = { .j = j, .e = e };
	int ret = peek_ready(j);

	if (!ret)
		ret = find_arena(j, &p.at);
	if (!ret)
		ret = take_pages(&p, res);
	return ret ? peek_fail(j, res, ret) : 0;
}
