// SPDX-License-Identifier: MIT
/* prog_list.c - go through the kernel's program ids. */
#include "capture/live/prog_list.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/privilege.h"

#define IDS_AT_ONCE 64 /* map ids asked for in the first call; most programs use fewer */

void prog_list_fini(struct prog_list *l)
{
	free(l->rows);
	free(l->map_ids);
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

/* Fill @info and, behind what l->map_ids holds, the ids of the maps. */
static int read_info(struct prog_list *l, int fd, struct bpf_prog_info *info, struct ksnap_err *err)
{
	uint32_t room = IDS_AT_ONCE, len;

	for (;;) {
		if (make_room(&l->map_ids, &l->ids_cap, l->nids + room, sizeof(*l->map_ids)))
			return err_nomem(err);
		*info = (struct bpf_prog_info){ .nr_map_ids = room,
						.map_ids = (uintptr_t)(l->map_ids + l->nids) };
		len = sizeof(*info);
		if (bpf_obj_get_info_by_fd(fd, info, &len))
			return privilege_or_target(err, errno, "read about a BPF program");
		if (info->nr_map_ids <= room)
			return 0;
		room = info->nr_map_ids;
	}
}

static int add_prog(struct prog_list *l, uint32_t id, struct ksnap_err *err)
{
	_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info;
	struct prog_row *p;
	int ret;

	if (fd < 0)
		return errno == ENOENT ? 0 : privilege_or_target(err, errno, "open a BPF program");
	ret = read_info(l, fd, &info, err);
	if (ret)
		return ret;
	if (make_room(&l->rows, &l->cap, l->n + 1, sizeof(*l->rows)))
		return err_nomem(err);
	p = &l->rows[l->n++];
	*p = (struct prog_row){
		.id = id,
		.type = info.type,
		.run_cnt = info.run_cnt,
		.run_time_ns = info.run_time_ns,
		.first_map = l->nids,
		.nmaps = info.nr_map_ids,
	};
	memcpy(p->name, info.name, sizeof(p->name));
	p->name[sizeof(p->name) - 1] = 0;
	memcpy(p->tag, info.tag, sizeof(p->tag));
	l->nids += info.nr_map_ids;
	return 0;
}

int prog_list_read(struct prog_list *l, struct ksnap_err *err)
{
	uint32_t id = 0;
	int ret = 0;

	l->n = l->nids = 0;
	while (!ret && !bpf_prog_get_next_id(id, &id))
		ret = add_prog(l, id, err);
	if (!ret && errno != ENOENT)
		ret = privilege_or_target(err, errno, "list BPF programs");
	return ret;
}

bool prog_uses(const struct prog_list *l, const struct prog_row *p, uint32_t map_id)
{
	for (uint32_t i = 0; i < p->nmaps; i++) {
		if (l->map_ids[p->first_map + i] == map_id)
			return true;
	}
	return false;
}

int prog_list_owners(struct prog_list *l, uint32_t map_id, const uint32_t **ret, size_t *ret_n)
{
	size_t n = 0;

	if (make_room(&l->owners, &l->owners_cap, l->n + 1, sizeof(*l->owners)))
		return KSNAP_E_NOMEM;
	for (size_t i = 0; i < l->n; i++) {
		if (prog_uses(l, &l->rows[i], map_id))
			l->owners[n++] = l->rows[i].id;
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
		.maps = l->map_ids + p->first_map,
		.nmaps = p->nmaps,
	};

	for (size_t i = 0; i < BPF_TAG_SIZE; i++)
		snprintf(tag + 2 * i, 3, "%02x", p->tag[i]);
	return report_prog(rb, &row, err);
}

int prog_list_report(const struct prog_list *l, struct report_builder *rb, struct ksnap_err *err)
{
	int ret = report_progs(rb, err);

	for (size_t i = 0; i < l->n && !ret; i++)
		ret = report_row(l, &l->rows[i], rb, err);
	return ret;
}
