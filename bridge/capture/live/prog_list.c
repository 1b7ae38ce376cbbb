// SPDX-License-Identifier: MIT
/* prog_list.c - go through the kernel's program ids. */
#include "capture/live/prog_list.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "capture/live/privilege.h"

#define IDS_AT_ONCE 64 /* map ids asked for in the first call; most programs use fewer */
#define SETTLED_NS  (10 * NS_PER_S) /* after this, maps are not bound to a program any more */

static void free_rows(struct prog_rows *r)
{
	free(r->rows);
	free(r->map_ids);
}

void prog_list_fini(struct prog_list *l)
{
	free_rows(&l->now);
	free_rows(&l->old);
	free(l->owners);
	*l = (struct prog_list){ 0 };
}

/* Room for @n items of @size in *@array. */
static int make_room(void *array, size_t *cap, size_t n, size_t size)
{
	size_t bigger = *cap ? *cap : 64;
	void *p;

	if (n <= *cap)
		return 0;
	while (bigger < n)
		bigger *= 2;
	p = reallocarray(*(void **)array, bigger, size);
	if (!p)
		return -1;
	*(void **)array = p;
	*cap = bigger;
	return 0;
}

static int room_for_ids(struct prog_rows *r, size_t n)
{
	return make_room(&r->map_ids, &r->ids_cap, r->nids + n, sizeof(*r->map_ids));
}

/* Fill @info and, behind what r->map_ids holds, the ids of the maps. */
static int read_info(struct prog_rows *r, int fd, struct bpf_prog_info *info, struct ksnap_err *err)
{
	uint32_t room = IDS_AT_ONCE, len;

	for (;;) {
		if (room_for_ids(r, room))
			return err_nomem(err);
		*info = (struct bpf_prog_info){ .nr_map_ids = room,
						.map_ids = (uintptr_t)(r->map_ids + r->nids) };
		len = sizeof(*info);
		if (bpf_obj_get_info_by_fd(fd, info, &len))
			return privilege_or_target(err, errno, "read about a BPF program");
		if (info->nr_map_ids <= room)
			return 0;
		room = info->nr_map_ids;
	}
}

static uint64_t boot_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int append_row(struct prog_rows *r, const struct prog_row *row, struct ksnap_err *err)
{
	if (make_room(&r->rows, &r->cap, r->n + 1, sizeof(*r->rows)))
		return err_nomem(err);
	r->rows[r->n] = *row;
	r->rows[r->n++].first_map = r->nids;
	r->nids += row->nmaps;
	return 0;
}

static int ask(struct prog_rows *r, uint32_t id, struct ksnap_err *err)
{
	_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info;
	struct prog_row row;
	int ret;

	if (fd < 0)
		return errno == ENOENT ? 0 : privilege_or_target(err, errno, "open a BPF program");
	ret = read_info(r, fd, &info, err);
	if (ret)
		return ret;
	row = (struct prog_row){
		.id = id,
		.type = info.type,
		.run_cnt = info.run_cnt,
		.run_time_ns = info.run_time_ns,
		.nmaps = info.nr_map_ids,
		.is_settled = boot_ns() > info.load_time + SETTLED_NS,
	};
	memcpy(row.name, info.name, sizeof(row.name) - 1);
	memcpy(row.tag, info.tag, sizeof(row.tag));
	return append_row(r, &row, err);
}

static int copy_known(struct prog_list *l, const struct prog_row *old, struct ksnap_err *err)
{
	if (room_for_ids(&l->now, old->nmaps))
		return err_nomem(err);
	memcpy(l->now.map_ids + l->now.nids, l->old.map_ids + old->first_map,
	       old->nmaps * sizeof(uint32_t));
	return append_row(&l->now, old, err);
}

/* Both readings are in order of id, so *@at only moves on. */
static const struct prog_row *known(const struct prog_rows *old, size_t *at, uint32_t id)
{
	while (*at < old->n && old->rows[*at].id < id)
		(*at)++;
	return *at < old->n && old->rows[*at].id == id ? &old->rows[*at] : NULL;
}

int prog_list_read(struct prog_list *l, bool counts, struct ksnap_err *err)
{
	struct prog_rows was = l->old;
	uint32_t id = 0;
	size_t at = 0;
	int ret;

	l->old = l->now;
	l->now = was;
	l->now.n = l->now.nids = 0;
	while (!bpf_prog_get_next_id(id, &id)) {
		const struct prog_row *old = known(&l->old, &at, id);

		ret = old && old->is_settled && !counts ? copy_known(l, old, err)
							: ask(&l->now, id, err);
		if (ret)
			return ret;
	}
	return errno == ENOENT ? 0 : privilege_or_target(err, errno, "list BPF programs");
}

bool prog_uses(const struct prog_list *l, const struct prog_row *p, uint32_t map_id)
{
	for (uint32_t i = 0; i < p->nmaps; i++) {
		if (l->now.map_ids[p->first_map + i] == map_id)
			return true;
	}
	return false;
}

int prog_list_owners(struct prog_list *l, uint32_t map_id, const uint32_t **ret, size_t *ret_n)
{
	size_t n = 0;

	if (make_room(&l->owners, &l->owners_cap, l->now.n + 1, sizeof(*l->owners)))
		return KSNAP_E_NOMEM;
	for (size_t i = 0; i < l->now.n; i++) {
		if (prog_uses(l, &l->now.rows[i], map_id))
			l->owners[n++] = l->now.rows[i].id;
	}
	*ret = l->owners;
	*ret_n = n;
	return 0;
}

static int report_row(const struct prog_list *l, const struct prog_row *p,
		      struct report_builder *rb, struct ksnap_err *err)
{
	const char *type = libbpf_bpf_prog_type_str(p->type);
	char tag[2 * BPF_TAG_SIZE + 1];
	struct report_prog_row row = {
		.id = p->id,
		.name = p->name,
		.type = type ? type : "unknown",
		.tag = tag,
		.run_cnt = p->run_cnt,
		.run_time_ns = p->run_time_ns,
		.maps = l->now.map_ids + p->first_map,
		.nmaps = p->nmaps,
	};

	for (size_t i = 0; i < BPF_TAG_SIZE; i++)
		snprintf(tag + 2 * i, 3, "%02x", p->tag[i]);
	return report_prog(rb, &row, err);
}

int prog_list_report(const struct prog_list *l, struct report_builder *rb, struct ksnap_err *err)
{
	int ret = report_progs(rb, err);

	for (size_t i = 0; i < l->now.n && !ret; i++)
		ret = report_row(l, &l->now.rows[i], rb, err);
	return ret;
}
