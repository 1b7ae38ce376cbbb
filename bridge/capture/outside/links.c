// SPDX-License-Identifier: MIT
/* links.c - link_idr, and what each kind of link has beside the common part. */
#include "capture/outside/links.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/utf8.h"
#include "capture/outside/idr.h"

/* Follow a pointer; false: it cannot be read, is null, or this kernel has none there. */
static bool hop(struct kernel *k, uint64_t *at, struct layout_member m)
{
	return kernel_member(k, *at, m, at) && *at;
}

static bool take_u32(struct kernel *k, uint64_t at, struct layout_member m, uint32_t *ret)
{
	uint64_t v;
	bool ok = kernel_member(k, at, m, &v);

	*ret = v;
	return ok;
}

static void take_target(struct kernel *k, uint64_t text, struct link_row *row)
{
	if (!space_string(&k->image.space, text, row->target, sizeof(row->target)))
		row->target[0] = 0;
	row->target[utf8_sound(row->target, strlen(row->target))] = 0;
}

/* ---- one kind each ----------------------------------------------------------------------------
 */

static void take_raw_tracepoint(struct kernel *k, uint64_t link, struct link_row *row)
{
	uint64_t at = link - k->at.bpf_raw_tp_link__link.off;

	if (hop(k, &at, k->at.bpf_raw_tp_link__btp) && hop(k, &at, k->at.bpf_raw_event_map__tp) &&
	    hop(k, &at, k->at.tracepoint__name))
		take_target(k, at, row);
}

/* What is traced is in the key of its trampoline: an object's number and, below it, the function's.
 */
static void take_tracing(struct kernel *k, uint64_t link, struct link_row *row)
{
	const struct layout *at = &k->at;
	uint64_t self = link - at->bpf_tracing_link__link.off - at->bpf_tramp_link__link.off, key;
	uint64_t trampoline = self;

	row->has_attach = take_u32(k, self, at->bpf_tracing_link__attach_type, &row->attach) ||
			  take_u32(k, link, at->bpf_link__attach_type, &row->attach);
	if (!hop(k, &trampoline, at->bpf_tracing_link__trampoline) ||
	    !kernel_member(k, trampoline, at->bpf_trampoline__key, &key))
		return;
	row->target_btf = key >> 32;
	row->target_id = key & INT32_MAX;
	row->has_target_id = true;
}

static void take_cgroup(struct kernel *k, uint64_t link, struct link_row *row)
{
	uint64_t self = link - k->at.bpf_cgroup_link__link.off, at = self;

	row->has_attach = take_u32(k, self, k->at.bpf_cgroup_link__type, &row->attach) ||
			  take_u32(k, link, k->at.bpf_link__attach_type, &row->attach);
	row->has_target_id = hop(k, &at, k->at.bpf_cgroup_link__cgroup) &&
			     hop(k, &at, k->at.cgroup__kn) &&
			     kernel_member(k, at, k->at.kernfs_node__id, &row->target_id);
}

static void take_iterator(struct kernel *k, uint64_t link, struct link_row *row)
{
	const struct layout *l = &k->at;
	uint64_t self = link - l->bpf_iter_link__link.off, at = self;
	uint64_t map = self + l->bpf_iter_link__aux.off;

	if (hop(k, &at, l->bpf_iter_link__tinfo) &&
	    hop(k, &at, l->bpf_iter_target_info__reg_info) && hop(k, &at, l->bpf_iter_reg__target))
		take_target(k, at, row);
	if (l->bpf_iter_link__aux.size && hop(k, &map, l->bpf_iter_aux_info__map))
		take_u32(k, map, l->bpf_map__id, &row->map);
}

static void take_netns(struct kernel *k, uint64_t link, struct link_row *row)
{
	uint64_t self = link - k->at.bpf_netns_link__link.off, at = self;

	row->has_attach = take_u32(k, self, k->at.bpf_netns_link__type, &row->attach) ||
			  take_u32(k, link, k->at.bpf_link__attach_type, &row->attach);
	row->has_target_id =
		hop(k, &at, k->at.bpf_netns_link__net) && k->at.net__ns.size &&
		kernel_member(k, at + k->at.net__ns.off, k->at.ns_common__inum, &row->target_id);
}

static void take_interface(struct kernel *k, uint64_t link, struct link_row *row)
{
	uint64_t at = link - k->at.bpf_xdp_link__link.off;

	row->has_target_id = hop(k, &at, k->at.bpf_xdp_link__dev) &&
			     kernel_member(k, at, k->at.net_device__ifindex, &row->target_id);
}

static void take_struct_ops(struct kernel *k, uint64_t link, struct link_row *row)
{
	uint64_t at = link - k->at.bpf_struct_ops_link__link.off;

	if (hop(k, &at, k->at.bpf_struct_ops_link__map))
		take_u32(k, at, k->at.bpf_map__id, &row->map);
}

typedef void (*take_fn)(struct kernel *k, uint64_t link, struct link_row *row);

static const take_fn takers[] = {
	[BPF_LINK_TYPE_RAW_TRACEPOINT] = take_raw_tracepoint,
	[BPF_LINK_TYPE_TRACING] = take_tracing,
	[BPF_LINK_TYPE_CGROUP] = take_cgroup,
	[BPF_LINK_TYPE_ITER] = take_iterator,
	[BPF_LINK_TYPE_NETNS] = take_netns,
	[BPF_LINK_TYPE_XDP] = take_interface,
	[BPF_LINK_TYPE_STRUCT_OPS] = take_struct_ops,
};

/* ---- all --------------------------------------------------------------------------------------
 */

/* An object that does not say its own id is none. */
static bool take_link(struct kernel *k, const struct idr_row *found, struct link_row *row)
{
	uint64_t prog = found->at;

	*row = (struct link_row){ 0 };
	if (!take_u32(k, found->at, k->at.bpf_link__id, &row->id) || row->id != found->id ||
	    !take_u32(k, found->at, k->at.bpf_link__type, &row->type))
		return false;
	if (hop(k, &prog, k->at.bpf_link__prog) && hop(k, &prog, k->at.bpf_prog__aux))
		take_u32(k, prog, k->at.bpf_prog_aux__id, &row->prog);
	if (row->type < ARRAY_SIZE(takers) && takers[row->type])
		takers[row->type](k, found->at, row);
	return true;
}

static int say_lost(struct report_builder *rb, size_t lost, bool is_partial)
{
	if (!lost && !is_partial)
		return 0;
	return report_reason(rb, "map_unreadable", "link_idr", UINT64_MAX, UINT64_MAX,
			     "link_idr of the kernel is broken or not all in memory: %zu links%s "
			     "could not be read",
			     lost, is_partial ? " and whatever is behind them" : "");
}

static int take_all(struct link_list *l, struct kernel *k, const struct buf *rows,
		    struct ksnap_err *err)
{
	size_t n = rows->len / sizeof(struct idr_row);
	const struct idr_row *row = (const struct idr_row *)rows->data;

	if (n > l->cap) {
		struct link_row *p = reallocarray(l->rows, n, sizeof(*p));

		if (!p)
			return err_nomem(err);
		l->rows = p;
		l->cap = n;
	}
	for (size_t i = 0; i < n; i++)
		l->n += take_link(k, &row[i], &l->rows[l->n]);
	return n - l->n < INT32_MAX ? n - l->n : INT32_MAX;
}

int links_read(struct link_list *l, struct kernel *k, struct report_builder *rb,
	       struct ksnap_err *err)
{
	_buf_ struct buf rows = BUF_INIT;
	uint64_t idr;
	int partial, lost;

	l->n = 0;
	if (!symbols_find(&k->image.symbols, "link_idr", &idr))
		return 0;
	partial = idr_list(k, idr, &rows);
	if (partial < 0)
		return err_nomem(err);
	lost = take_all(l, k, &rows, err);
	return lost < 0 ? lost : say_lost(rb, lost, partial);
}
