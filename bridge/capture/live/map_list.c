// SPDX-License-Identifier: MIT
/* map_list.c - go through the kernel's map ids, and pick. */
#include "capture/live/map_list.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/privilege.h"

void map_list_fini(struct map_list *l)
{
	free(l->refs);
	free(l->old);
	*l = (struct map_list){ 0 };
}

/* The list read before becomes the old one, whose memory is used again. */
static void turn_over(struct map_list *l)
{
	struct map_list was = *l;

	*l = (struct map_list){ .refs = was.old,
				.cap = was.old_cap,
				.old = was.refs,
				.nold = was.n,
				.old_cap = was.cap };
}

static struct map_ref *next_ref(struct map_list *l)
{
	size_t cap = l->cap ? 2 * l->cap : 64;
	struct map_ref *p;

	if (l->n == l->cap) {
		p = reallocarray(l->refs, cap, sizeof(*p));
		if (!p)
			return NULL;
		l->refs = p;
		l->cap = cap;
	}
	return &l->refs[l->n];
}

static int note_gone(struct selection *sel, uint32_t id, struct report_builder *rb)
{
	const char *rule = selection_asks_for(sel, id);

	if (!rule)
		return 0;
	return report_reason(rb, "map_gone", rule, 1, 0, "map %u went away before it was read", id);
}

/* 1: the map is gone. */
static int ask(uint32_t id, struct bpf_map_info *info, struct ksnap_err *err)
{
	_close_ int fd = bpf_map_get_fd_by_id(id);
	uint32_t len = sizeof(*info);

	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0)
		return privilege_or_target(err, errno, "open a BPF map");
	*info = (struct bpf_map_info){ 0 };
	if (bpf_obj_get_info_by_fd(fd, info, &len))
		return privilege_or_target(err, errno, "read about a BPF map");
	info->name[sizeof(info->name) - 1] = 0;
	return 0;
}

/* Both lists are in order of id, so *@at only moves on. */
static const struct map_ref *known(const struct map_list *l, size_t *at, uint32_t id)
{
	while (*at < l->nold && l->old[*at].info.id < id)
		(*at)++;
	return *at < l->nold && l->old[*at].info.id == id ? &l->old[*at] : NULL;
}

int map_list_read(struct map_list *l, struct selection *sel, struct report_builder *rb,
		  struct ksnap_err *err)
{
	uint32_t id = 0;
	size_t at = 0;

	turn_over(l);
	while (!bpf_map_get_next_id(id, &id)) {
		struct map_ref *ref = next_ref(l);
		const struct map_ref *old = known(l, &at, id);
		int ret = 0;

		if (!ref)
			return err_nomem(err);
		if (old)
			ref->info = old->info;
		else
			ret = ask(id, &ref->info, err);
		l->n += !ret;
		if (ret == 1)
			ret = note_gone(sel, id, rb);
		if (ret)
			return ret;
	}
	return errno == ENOENT ? 0 : privilege_or_target(err, errno, "list BPF maps");
}

/* ---- obj:NAME -------------------------------------------------------------------------------- */

struct lookup {
	const struct map_list *maps;
	const struct prog_list *progs;
	const struct object_list *objects;
};

static struct map_ref *find_ref(const struct map_list *l, uint32_t id)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->refs[mid].info.id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->n && l->refs[lo].info.id == id ? &l->refs[lo] : NULL;
}

static const char *name_of_map(const struct map_list *l, uint32_t id)
{
	const struct map_ref *ref = find_ref(l, id);

	return ref ? ref->info.name : "";
}

static bool prog_is_of(const struct lookup *lk, const struct prog_row *p, const char *obj)
{
	for (uint32_t i = 0; i < p->nmaps; i++) {
		if (selection_section_of(
			    name_of_map(lk->maps, lk->progs->now.map_ids[p->first_map + i]), obj))
			return true;
	}
	return false;
}

static bool belongs_to(void *arg, const char *obj, uint32_t id, const char *name)
{
	const struct lookup *lk = arg;
	const struct object *own = object_find(lk->objects, obj);

	if (own)
		return object_has_map(own, id);
	if (selection_section_of(name, obj))
		return true;
	for (size_t i = 0; i < lk->progs->now.n; i++) {
		const struct prog_row *p = &lk->progs->now.rows[i];

		if (prog_uses(lk->progs, p, id) && prog_is_of(lk, p, obj))
			return true;
	}
	return false;
}

bool map_list_is_of(const struct map_list *l, const struct prog_list *progs,
		    const struct object_list *objects, const char *obj, const struct map_ref *ref)
{
	struct lookup lk = { l, progs, objects };

	return belongs_to(&lk, obj, ref->info.id, ref->info.name);
}

size_t map_list_select(struct map_list *l, struct selection *sel, const struct prog_list *progs,
		       const struct object_list *objects)
{
	struct lookup lk = { l, progs, objects };
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct map_ref *ref = &l->refs[i];

		ref->taken = selection_takes(sel, ref->info.id, ref->info.name, belongs_to, &lk);
		n += ref->taken;
	}
	return n;
}

/* ---- one more ----------------------------------------------------------------------------------
 */

/* 1: it is gone, or older than the last in the list and so was gone when that was made. */
static int append(struct map_list *l, uint32_t id, struct ksnap_err *err)
{
	struct map_ref *ref;
	int ret;

	if (l->n && id < l->refs[l->n - 1].info.id)
		return 1;
	ref = next_ref(l);
	if (!ref)
		return err_nomem(err);
	ref->taken = false;
	ret = ask(id, &ref->info, err);
	l->n += !ret;
	return ret;
}

int map_list_add(struct map_list *l, uint32_t id, struct selection *sel,
		 const struct prog_list *progs, const struct object_list *objects,
		 struct ksnap_err *err)
{
	struct lookup lk = { l, progs, objects };
	struct map_ref *ref = find_ref(l, id);
	int ret;

	if (!ref) {
		ret = append(l, id, err);
		if (ret)
			return ret < 0 ? ret : MAP_NOT_ADDED;
		ref = &l->refs[l->n - 1];
	}
	if (ref->taken || selection_denies(sel, id, ref->info.name, belongs_to, &lk))
		return MAP_NOT_ADDED;
	ref->taken = true;
	return MAP_ADDED;
}
