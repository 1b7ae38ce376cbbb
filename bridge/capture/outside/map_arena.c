// SPDX-License-Identifier: MIT
/* map_arena.c - the pages of an arena that exist, by their address in user space. */
#include <string.h>

#include "capture/outside/map_walk.h"

#define GUARD       (1u << 15) /* bytes before the first page within the kernel's mapping */
#define ARENA_PAGES (1u << 20) /* of the largest one */

struct arena {
	uint64_t user, kernel; /* addresses of the first page, and of where the low half is 0 */
};

static bool find_arena(struct map_walk *w, struct arena *a)
{
	const struct layout *at = &w->k->at;
	uint64_t area;

	if (!kernel_member(w->k, w->map->at, at->bpf_arena__user_vm_start, &a->user) ||
	    !kernel_member(w->k, w->map->at, at->bpf_arena__kern_vm, &area) ||
	    !kernel_member(w->k, area, at->vm_struct__addr, &a->kernel)) {
		walk_break(w, "its head is not that of an arena");
		return false;
	}
	a->kernel += GUARD;
	return true;
}

static void take_page(struct map_walk *w, uint64_t user, uint64_t va)
{
	uint8_t *key, *val;

	if (!walk_room(w, &key, &val))
		return;
	memcpy(key, &user, sizeof(user));
	if (walk_read(w, va, val, PAGE_BYTES))
		walk_take(w);
	else
		w->missing++;
}

/* What page tables do not have is stepped over as a whole, up to where the low half begins anew. */
void arena_walk(struct map_walk *w)
{
	uint64_t n = w->map->max_entries < ARENA_PAGES ? w->map->max_entries : ARENA_PAGES, step;
	struct arena a;

	if (!find_arena(w, &a))
		return;
	for (uint64_t i = 0; i < n && w->end == WALK_DONE; i += step / PAGE_BYTES) {
		uint64_t user = a.user + i * PAGE_BYTES, low = (uint32_t)user, pa;

		step = PAGE_BYTES;
		if (paging_translate(&w->k->image.space.pg, a.kernel + low, &pa, &step)) {
			step = PAGE_BYTES;
			take_page(w, user, a.kernel + low);
		} else if (step > (1ull << 32) - low) {
			step = (1ull << 32) - low;
		}
	}
}
