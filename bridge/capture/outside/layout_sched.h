/* SPDX-License-Identifier: MIT */
/* layout_sched.h - members of structs of sched_ext and of NUMA nodes, for layout.h. */
#ifndef KSNAP_CAPTURE_OUTSIDE_LAYOUT_SCHED_H
#define KSNAP_CAPTURE_OUTSIDE_LAYOUT_SCHED_H

#define LAYOUT_SCHED(MAY)                    \
	MAY(task_struct, scx)                \
	MAY(sched_ext_entity, dsq)           \
	MAY(sched_ext_entity, dsq_list)      \
	MAY(sched_ext_entity, flags)         \
	MAY(sched_ext_entity, weight)        \
	MAY(sched_ext_entity, sticky_cpu)    \
	MAY(sched_ext_entity, holding_cpu)   \
	MAY(sched_ext_entity, ops_state)     \
	MAY(sched_ext_entity, runnable_node) \
	MAY(sched_ext_entity, runnable_at)   \
	MAY(sched_ext_entity, slice)         \
	MAY(sched_ext_entity, dsq_vtime)     \
	MAY(scx_dsq_list_node, node)         \
	MAY(scx_dsq_list_node, flags)        \
	MAY(scx_dispatch_q, list)            \
	MAY(scx_dispatch_q, nr)              \
	MAY(scx_dispatch_q, seq)             \
	MAY(scx_dispatch_q, id)              \
	MAY(scx_dispatch_q, hash_node)       \
	MAY(rq, scx)                         \
	MAY(scx_rq, local_dsq)               \
	MAY(scx_rq, bypass_dsq)              \
	MAY(scx_rq, runnable_list)           \
	MAY(scx_rq, nr_running)              \
	MAY(scx_rq, flags)                   \
	MAY(scx_rq, cpu_released)            \
	MAY(scx_rq, ops_qseq)                \
	MAY(scx_sched, ops)                  \
	MAY(scx_sched, dsq_hash)             \
	MAY(scx_sched, global_dsqs)          \
	MAY(scx_sched, exit_kind)            \
	MAY(scx_sched, aborting)             \
	MAY(scx_sched, bypass_depth)         \
	MAY(scx_sched, event_stats_cpu)      \
	MAY(scx_sched, pcpu)                 \
	MAY(scx_sched_pcpu, event_stats)     \
	MAY(sched_ext_ops, name)             \
	MAY(rhashtable, tbl)                 \
	MAY(bucket_table, size)              \
	MAY(bucket_table, nest)              \
	MAY(bucket_table, buckets)           \
	MAY(pglist_data, node_zones)         \
	MAY(pglist_data, nr_zones)           \
	MAY(zone, vm_numa_event)             \
	MAY(zone, per_cpu_zonestats)         \
	MAY(per_cpu_zonestat, vm_numa_event)

#endif
