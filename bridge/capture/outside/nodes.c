// SPDX-License-Identifier: MIT
/* nodes.c - a node has zones, a zone has counters, and more of each CPU's that are not added yet.
 */
#include "capture/outside/nodes.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "wire/pack.h"

#define ZONES_MAX 8

/* In the order of the kernel's enum numa_stat_item. */
static const char *const names[] = { "numa_hit",       "numa_miss",  "numa_foreign",
				     "interleave_hit", "local_node", "other_node" };

static bool add(struct kernel *k, uint64_t at, struct layout_member m, uint64_t *sums)
{
	uint64_t v[ARRAY_SIZE(names)];

	if (!space_read(&k->image.space, at + m.off, v, sizeof(v)))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		sums[i] += v[i];
	return true;
}

static bool add_zone(struct kernel *k, uint64_t zone, uint64_t *sums)
{
	const struct layout *at = &k->at;
	uint64_t own;

	if (!add(k, zone, at->zone__vm_numa_event, sums) ||
	    !kernel_member(k, zone, at->zone__per_cpu_zonestats, &own))
		return false;
	for (unsigned i = 0; i < k->ncpu; i++)
		if (!add(k, own + k->cpu_offset[i], at->per_cpu_zonestat__vm_numa_event, sums))
			return false;
	return true;
}

static bool add_node(struct kernel *k, uint64_t node, uint64_t *sums)
{
	const struct layout *at = &k->at;
	uint64_t zones;

	if (!kernel_member(k, node, at->pglist_data__nr_zones, &zones) || zones > ZONES_MAX)
		return false;
	for (uint64_t i = 0; i < zones; i++)
		if (!add_zone(k, node + at->pglist_data__node_zones.off + i * at->sizeof__zone,
			      sums))
			return false;
	return true;
}

static void pack_node(msgpack_packer *pk, unsigned id, const uint64_t *sums)
{
	msgpack_pack_map(pk, 1 + ARRAY_SIZE(names));
	pack_str(pk, "node");
	msgpack_pack_uint32(pk, id);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		pack_str(pk, names[i]);
		msgpack_pack_uint64(pk, sums[i]);
	}
}

static bool is_known(const struct layout *at)
{
	size_t all = sizeof(uint64_t[ARRAY_SIZE(names)]);

	return at->pglist_data__node_zones.size && at->sizeof__zone &&
	       at->zone__vm_numa_event.size == all &&
	       at->per_cpu_zonestat__vm_numa_event.size == all;
}

/* How many rows; those that cannot be read are counted. */
static unsigned pack_nodes(struct kernel *k, uint64_t all, uint64_t ids, msgpack_packer *pk,
			   unsigned *ret_broken)
{
	unsigned n = 0;

	*ret_broken = 0;
	for (unsigned i = 0; i < ids; i++) {
		uint64_t sums[ARRAY_SIZE(names)] = { 0 }, node;

		if (!space_u64(&k->image.space, all + 8 * i, &node) || !node)
			continue;
		if (!add_node(k, node, sums)) {
			++*ret_broken;
			continue;
		}
		pack_node(pk, i, sums);
		n++;
	}
	return n;
}

int nodes_report(struct kernel *k, struct report_builder *rb, struct ksnap_err *err)
{
	_buf_ struct buf rows = BUF_INIT, list = BUF_INIT;
	unsigned n, broken;
	uint64_t all, ids;
	msgpack_packer pk;
	int ret;

	if (!is_known(&k->at) || !symbols_find(&k->image.symbols, "node_data", &all) ||
	    !symbols_find(&k->image.symbols, "nr_node_ids", &ids) ||
	    !kernel_member(k, ids, (struct layout_member){ 0, 4 }, &ids) || ids > NODES_MAX)
		return 0;
	pack_init(&pk, &rows);
	n = pack_nodes(k, all, ids, &pk, &broken);
	pack_init(&pk, &list);
	msgpack_pack_array(&pk, n);
	if (rows.len)
		buf_append(&list, rows.data, rows.len);
	if (!buf_ok(&rows) || !buf_ok(&list))
		return err_nomem(err);
	ret = report_key(rb, "nodes", &list, err);
	if (ret || !broken)
		return ret;
	return report_reason(rb, "nodes_partial", NULL, n + broken, n,
			     "counters of %u NUMA nodes cannot be read", broken);
}
