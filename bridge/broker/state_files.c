// SPDX-License-Identifier: MIT
/* state_files.c - the table of segments. A file that cannot be removed stays and is tried again. */
#include "broker/state_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "core/bridge.h"

void state_files_fini(struct state_files *f)
{
	free(f->list);
	*f = (struct state_files){ .folder = -1 };
}

int state_files_add(struct state_files *f, uint64_t number, uint64_t bytes, struct ksnap_err *err)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 16;
		struct state_file *list = realloc(f->list, cap * sizeof(*list));

		if (!list)
			return err_nomem(err);
		f->list = list;
		f->cap = cap;
	}
	f->list[f->n++] = (struct state_file){ .number = number, .bytes = bytes };
	return 0;
}

struct state_file *state_files_find(struct state_files *f, uint64_t number)
{
	size_t low = 0, high = f->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (f->list[mid].number == number)
			return &f->list[mid];
		if (f->list[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

uint64_t state_files_bytes(const struct state_files *f)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < f->n; i++)
		sum += f->list[i].bytes;
	return sum;
}

uint64_t state_files_undead(const struct state_files *f)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < f->n; i++)
		sum += f->list[i].dead ? 0 : f->list[i].bytes;
	return sum;
}

static uint64_t count_one(struct state_files *f, const struct kept *kept)
{
	struct state_file *file = kept->in ? state_files_find(f, kept->in) : NULL;

	if (file)
		file->live += kept->bytes;
	return kept->bytes;
}

uint64_t state_files_count(struct state_files *f, struct bridges *bs)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < f->n; i++)
		f->list[i].live = 0;
	for (struct hosted *h = bridges_first(bs); h; h = h->next) {
		const struct store_node *node = bridge_store(h->core)->head;
		const struct event_node *event = bridge_events(h->core)->head;

		for (; node; node = node->next)
			sum += count_one(f, &node->kept);
		for (; event; event = event->next)
			sum += count_one(f, &event->kept);
	}
	return sum;
}

struct state_file *state_files_barest(struct state_files *f, uint64_t except)
{
	struct state_file *least = NULL;

	for (size_t i = 0; i < f->n; i++) {
		struct state_file *file = &f->list[i];

		if (file->dead || file->number == except)
			continue;
		/* live/bytes < live/bytes, without division */
		if (!least ||
		    (__uint128_t)file->live * least->bytes < (__uint128_t)least->live * file->bytes)
			least = file;
	}
	return least;
}

bool state_files_bury(struct state_files *f, uint64_t except, struct segment_at until)
{
	bool any = false;

	for (size_t i = 0; i < f->n; i++) {
		struct state_file *file = &f->list[i];

		if (!file->dead && !file->live && file->number != except) {
			file->dead = true;
			file->until = until;
		}
		any |= file->dead;
	}
	return any;
}

static bool is_removed(struct state_files *f, const struct state_file *file,
		       struct segment_at on_disk)
{
	char name[SEGMENT_NAME_MAX];

	if (!file->dead || segment_before(on_disk, file->until))
		return false;
	segment_name(file->number, name);
	return unlinkat(f->folder, name, 0) == 0 || errno == ENOENT;
}

void state_files_remove(struct state_files *f, struct segment_at on_disk)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		if (!is_removed(f, &f->list[i], on_disk))
			f->list[n++] = f->list[i];
	f->n = n;
}
