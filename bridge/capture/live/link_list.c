// SPDX-License-Identifier: MIT
/* link_list.c - go through the kernel's link ids. */
#include "capture/live/link_list.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/privilege.h"
#include "wire/pack.h"

void link_list_fini(struct link_list *l)
{
	free(l->rows);
	free(l->old);
	*l = (struct link_list){ 0 };
}

/* ---- one link -------------------------------------------------------------------------------- */

static void take_tracing(struct link_row *row, const struct bpf_link_info *info)
{
	row->attach = info->tracing.attach_type;
	row->target_btf = info->tracing.target_obj_id;
	row->target_id = info->tracing.target_btf_id;
	row->has_attach = row->has_target_id = true;
}

static void take_cgroup(struct link_row *row, const struct bpf_link_info *info)
{
	row->attach = info->cgroup.attach_type;
	row->target_id = info->cgroup.cgroup_id;
	row->has_attach = row->has_target_id = true;
}

static void take_netns(struct link_row *row, const struct bpf_link_info *info)
{
	row->attach = info->netns.attach_type;
	row->target_id = info->netns.netns_ino;
	row->has_attach = row->has_target_id = true;
}

static void take_interface(struct link_row *row, const struct bpf_link_info *info)
{
	row->target_id = info->xdp.ifindex;
	row->has_target_id = true;
}

/* An iterator over a map's elements; others leave the id 0. */
static void take_iterator(struct link_row *row, const struct bpf_link_info *info)
{
	row->map = strncmp(row->target, "bpf_map_elem", 12) && strncmp(row->target, "bpf_sk_st", 9)
			   ? 0
			   : info->iter.map.map_id;
}

uint32_t link_ops_map(const struct bpf_link_info *info)
{
	return info->xdp.ifindex;
}

static void take_struct_ops(struct link_row *row, const struct bpf_link_info *info)
{
	row->map = link_ops_map(info);
}

typedef void (*take_fn)(struct link_row *row, const struct bpf_link_info *info);

static take_fn taker_of(uint32_t type)
{
	switch (type) {
	case BPF_LINK_TYPE_TRACING:
		return take_tracing;
	case BPF_LINK_TYPE_CGROUP:
		return take_cgroup;
	case BPF_LINK_TYPE_NETNS:
		return take_netns;
	case BPF_LINK_TYPE_XDP:
		return take_interface;
	case BPF_LINK_TYPE_ITER:
		return take_iterator;
	case BPF_LINK_TYPE_STRUCT_OPS:
		return take_struct_ops;
	default:
		return NULL;
	}
}

static int read_info(int fd, struct bpf_link_info *info)
{
	uint32_t len = sizeof(*info);

	return bpf_obj_get_info_by_fd(fd, info, &len);
}

/* The name's buffer has the same place for both types that have one. A longer name is cut. */
static int read_name(int fd, struct link_row *row)
{
	struct bpf_link_info info = {
		.raw_tracepoint = { (uintptr_t)row->target, sizeof(row->target) },
	};

	if (row->type != BPF_LINK_TYPE_RAW_TRACEPOINT && row->type != BPF_LINK_TYPE_ITER)
		return 0;
	return read_info(fd, &info) && errno != ENOSPC ? -1 : 0;
}

static int ask(uint32_t id, struct link_row *row, struct ksnap_err *err)
{
	_close_ int fd = bpf_link_get_fd_by_id(id);
	struct bpf_link_info info = { 0 };
	take_fn take;

	*row = (struct link_row){ .id = id };
	if (fd < 0 && (errno == ENOENT || errno == EAGAIN))
		return 1;
	if (fd < 0)
		return privilege_or_target(err, errno, "open a BPF link");
	if (read_info(fd, &info))
		return privilege_or_target(err, errno, "read about a BPF link");
	row->type = info.type;
	row->prog = info.prog_id;
	if (read_name(fd, row))
		return privilege_or_target(err, errno, "read the name of a BPF link's target");
	take = taker_of(info.type);
	if (take)
		take(row, &info);
	return 0;
}

/* ---- all ------------------------------------------------------------------------------------- */

static struct link_row *next_row(struct link_list *l)
{
	size_t cap = l->cap ? 2 * l->cap : 64;
	struct link_row *p;

	if (l->n == l->cap) {
		p = reallocarray(l->rows, cap, sizeof(*p));
		if (!p)
			return NULL;
		l->rows = p;
		l->cap = cap;
	}
	return &l->rows[l->n];
}

/* The list read before becomes the old one, whose memory is used again. */
static void turn_over(struct link_list *l)
{
	struct link_list was = *l;

	*l = (struct link_list){ .rows = was.old,
				 .cap = was.old_cap,
				 .old = was.rows,
				 .nold = was.n,
				 .old_cap = was.cap };
}

/* Both lists are in order of id, so *@at only moves on. */
static const struct link_row *known(const struct link_list *l, size_t *at, uint32_t id)
{
	while (*at < l->nold && l->old[*at].id < id)
		(*at)++;
	return *at < l->nold && l->old[*at].id == id ? &l->old[*at] : NULL;
}

/* Ids are not used again, and a link's type never changes; what it links may. */
static int renew(const struct link_row *old, uint32_t id, bool all, struct link_row *row,
		 struct ksnap_err *err)
{
	if (all || !old || old->type == BPF_LINK_TYPE_STRUCT_OPS)
		return ask(id, row, err);
	*row = *old;
	return 0;
}

int link_list_read(struct link_list *l, bool all, struct ksnap_err *err)
{
	uint32_t id = 0;
	size_t at = 0;

	turn_over(l);
	while (!bpf_link_get_next_id(id, &id)) {
		struct link_row *row = next_row(l);
		int ret = row ? renew(known(l, &at, id), id, all, row, err) : err_nomem(err);

		if (ret < 0)
			return ret;
		l->n += !ret;
	}
	return errno == ENOENT ? 0 : privilege_or_target(err, errno, "list BPF links");
}

const struct link_row *link_list_of_map(const struct link_list *l, uint32_t map_id)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->rows[i].type == BPF_LINK_TYPE_STRUCT_OPS && l->rows[i].map == map_id)
			return &l->rows[i];
	}
	return NULL;
}

/* ---- into the report ------------------------------------------------------------------------- */

static void pack_id(msgpack_packer *pk, const char *key, uint64_t id)
{
	pack_str(pk, key);
	msgpack_pack_uint64(pk, id);
}

static void pack_text(msgpack_packer *pk, const char *key, const char *text, uint32_t number)
{
	char unknown[24];

	snprintf(unknown, sizeof(unknown), "type %u", number);
	pack_str(pk, key);
	pack_str(pk, text ? text : unknown);
}

static void pack_row(msgpack_packer *pk, const struct link_row *r)
{
	msgpack_pack_map(pk, 3 + r->has_attach + !!r->target[0] + r->has_target_id +
				     !!r->target_btf + !!r->map);
	pack_id(pk, "id", r->id);
	pack_text(pk, "type", libbpf_bpf_link_type_str(r->type), r->type);
	pack_id(pk, "prog", r->prog);
	if (r->has_attach)
		pack_text(pk, "attach", libbpf_bpf_attach_type_str(r->attach), r->attach);
	if (r->target[0])
		pack_text(pk, "target", r->target, 0);
	if (r->has_target_id)
		pack_id(pk, "target_id", r->target_id);
	if (r->target_btf)
		pack_id(pk, "target_btf", r->target_btf);
	if (r->map)
		pack_id(pk, "map", r->map);
}

void link_list_pack(const struct link_list *l, struct buf *out)
{
	msgpack_packer pk;

	pack_init(&pk, out);
	msgpack_pack_array(&pk, l->n);
	for (size_t i = 0; i < l->n; i++)
		pack_row(&pk, &l->rows[i]);
}
