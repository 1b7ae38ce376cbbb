// SPDX-License-Identifier: MIT
/* attachments.c - what hangs where: links, struct_ops, the active maps, sched_ext. */
#include "capture/live/attachments.h"
#include "capture/live/live.h"
#include "capture/live/sched.h"
#include "wire/pack.h"

int live_attachments_read(struct target *t, bool all, struct report_builder *rb,
			  struct ksnap_err *err)
{
	int ret = 0;

	t->links.n = 0;
	if (all || ops_list_needs_links(&t->maps))
		ret = link_list_read(&t->links, all, err);
	if (!ret)
		ret = ops_list_read(&t->ops, &t->maps, &t->links, t->types, rb, err);
	return ret ? ret : active_find(&t->active, &t->ops, &t->progs, &t->maps, err);
}

static int write_active(const struct active_maps *a, struct report_builder *rb,
			struct ksnap_err *err)
{
	_buf_ struct buf ids = BUF_INIT, obj = BUF_INIT;
	msgpack_packer pk;
	int ret;

	active_pack(a, &ids);
	ret = report_key(rb, "active", &ids, err);
	if (ret || !a->obj[0])
		return ret;
	pack_init(&pk, &obj);
	pack_str(&pk, a->obj);
	return report_key(rb, "active_obj", &obj, err);
}

static int write_links(const struct link_list *l, struct report_builder *rb, struct ksnap_err *err)
{
	_buf_ struct buf list = BUF_INIT;

	link_list_pack(l, &list);
	return report_key(rb, "links", &list, err);
}

static int write_ops(const struct ops_list *l, struct report_builder *rb, struct ksnap_err *err)
{
	_buf_ struct buf list = BUF_INIT;

	ops_list_pack(l, &list);
	return report_key(rb, "struct_ops", &list, err);
}

int attachments_write(const struct active_maps *a, const struct link_list *links,
		      const struct ops_list *ops, struct report_builder *rb, struct ksnap_err *err)
{
	int ret = write_active(a, rb, err);

	if (!ret && links)
		ret = write_links(links, rb, err);
	return ret || !ops ? ret : write_ops(ops, rb, err);
}

static int write_sched(struct report_builder *rb, struct ksnap_err *err)
{
	_buf_ struct buf facts = BUF_INIT;
	int ret = sched_pack(SCHED_DIR, &facts, err);

	if (ret)
		return ret < 0 ? ret : 0;
	return report_key(rb, "sched", &facts, err);
}

int live_attachments_report(struct target *t, bool all, struct report_builder *rb,
			    struct ksnap_err *err)
{
	int ret = attachments_write(&t->active, all ? &t->links : NULL, all ? &t->ops : NULL, rb,
				    err);

	return ret || !all ? ret : write_sched(rb, err);
}
