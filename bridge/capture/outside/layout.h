/* SPDX-License-Identifier: MIT */
/* layout.h - where a kernel's own BTF says that members of its structs are.
 *
 * Nothing here knows versions: a member that the kernel does not have has size 0, and what needs it
 * says so. */
#ifndef KSNAP_CAPTURE_OUTSIDE_LAYOUT_H
#define KSNAP_CAPTURE_OUTSIDE_LAYOUT_H

#include <bpf/btf.h>

#include "capture/outside/layout_sched.h"
#include "ksnap.h"

/* Without the first kind no map can be found; the others are asked for where they are used. */
#define LAYOUT_MEMBERS(NEED, MAY)                  \
	NEED(idr, idr_rt)                          \
	NEED(xarray, xa_head)                      \
	NEED(xa_node, shift)                       \
	NEED(xa_node, slots)                       \
	NEED(bpf_map, map_type)                    \
	NEED(bpf_map, key_size)                    \
	NEED(bpf_map, value_size)                  \
	NEED(bpf_map, max_entries)                 \
	NEED(bpf_map, map_flags)                   \
	NEED(bpf_map, id)                          \
	NEED(bpf_map, name)                        \
	NEED(bpf_map, btf)                         \
	NEED(bpf_map, btf_key_type_id)             \
	NEED(bpf_map, btf_value_type_id)           \
	NEED(btf, data)                            \
	NEED(btf, data_size)                       \
	NEED(btf, id)                              \
	NEED(btf, base_btf)                        \
	MAY(idr, idr_base)                         \
	MAY(bpf_map, btf_vmlinux_value_type_id)    \
	MAY(bpf_map, refcnt)                       \
	MAY(bpf_map, usercnt)                      \
	MAY(bpf_array, elem_size)                  \
	MAY(bpf_array, value)                      \
	MAY(bpf_array, ptrs)                       \
	MAY(bpf_array, pptrs)                      \
	MAY(bpf_htab, buckets)                     \
	MAY(bpf_htab, n_buckets)                   \
	MAY(bucket, head)                          \
	MAY(htab_elem, hash_node)                  \
	MAY(htab_elem, key)                        \
	MAY(lpm_trie, root)                        \
	MAY(lpm_trie, data_size)                   \
	MAY(lpm_trie_node, child)                  \
	MAY(lpm_trie_node, prefixlen)              \
	MAY(lpm_trie_node, flags)                  \
	MAY(lpm_trie_node, data)                   \
	MAY(bpf_queue_stack, head)                 \
	MAY(bpf_queue_stack, tail)                 \
	MAY(bpf_queue_stack, size)                 \
	MAY(bpf_queue_stack, elements)             \
	MAY(bpf_ringbuf_map, rb)                   \
	MAY(bpf_ringbuf, consumer_pos)             \
	MAY(bpf_ringbuf, producer_pos)             \
	MAY(bpf_stack_map, n_buckets)              \
	MAY(bpf_stack_map, buckets)                \
	MAY(stack_map_bucket, nr)                  \
	MAY(stack_map_bucket, data)                \
	MAY(bpf_struct_ops_map, kvalue)            \
	MAY(bpf_struct_ops_map, uvalue)            \
	MAY(bpf_struct_ops_map, btf)               \
	MAY(bpf_local_storage_map, buckets)        \
	MAY(bpf_local_storage_map, bucket_log)     \
	MAY(bpf_local_storage_map_bucket, list)    \
	MAY(bpf_local_storage_elem, map_node)      \
	MAY(bpf_local_storage_elem, local_storage) \
	MAY(bpf_local_storage_elem, sdata)         \
	MAY(bpf_local_storage_data, data)          \
	MAY(bpf_local_storage, owner)              \
	MAY(bpf_dtab, netdev_map)                  \
	MAY(bpf_dtab, dev_index_head)              \
	MAY(bpf_dtab, n_buckets)                   \
	MAY(bpf_dtab_netdev, val)                  \
	MAY(bpf_dtab_netdev, idx)                  \
	MAY(bpf_dtab_netdev, index_hlist)          \
	MAY(bpf_cpu_map, cpu_map)                  \
	MAY(bpf_cpu_map_entry, value)              \
	MAY(bpf_stab, sks)                         \
	MAY(bpf_shtab, buckets)                    \
	MAY(bpf_shtab, buckets_num)                \
	MAY(bpf_shtab_bucket, head)                \
	MAY(bpf_shtab_elem, sk)                    \
	MAY(bpf_shtab_elem, node)                  \
	MAY(bpf_shtab_elem, key)                   \
	MAY(xsk_map, xsk_map)                      \
	MAY(xdp_sock, sk)                          \
	MAY(xdp_sock, queue_id)                    \
	MAY(reuseport_array, ptrs)                 \
	MAY(bpf_arena, user_vm_start)              \
	MAY(bpf_arena, kern_vm)                    \
	MAY(vm_struct, addr)                       \
	MAY(bpf_event_entry, event)                \
	MAY(perf_event, attr)                      \
	MAY(perf_event, cpu)                       \
	MAY(perf_event_attr, config)               \
	MAY(perf_event_attr, type)                 \
	MAY(sock, __sk_common)                     \
	MAY(sock_common, skc_cookie)               \
	MAY(inode, i_ino)                          \
	MAY(inode, i_sb)                           \
	MAY(super_block, s_dev)                    \
	MAY(task_struct, pid)                      \
	MAY(task_struct, tgid)                     \
	MAY(task_struct, comm)                     \
	MAY(task_struct, __state)                  \
	MAY(task_struct, state)                    \
	MAY(task_struct, thread_info)              \
	MAY(task_struct, cpu)                      \
	MAY(task_struct, on_rq)                    \
	MAY(task_struct, prio)                     \
	MAY(task_struct, se)                       \
	MAY(task_struct, start_boottime)           \
	MAY(task_struct, start_time)               \
	MAY(task_struct, real_parent)              \
	MAY(task_struct, tasks)                    \
	MAY(task_struct, signal)                   \
	MAY(task_struct, thread_node)              \
	MAY(thread_info, cpu)                      \
	MAY(signal_struct, thread_head)            \
	MAY(sched_entity, sum_exec_runtime)        \
	MAY(rq, nr_running)                        \
	MAY(rq, nr_switches)                       \
	MAY(rq, clock)                             \
	MAY(rq, curr)                              \
	MAY(pcpu_hot, current_task)                \
	MAY(task_struct, cgroups)                  \
	MAY(css_set, dfl_cgrp)                     \
	MAY(kernel_cpustat, cpustat)               \
	MAY(kernel_stat, softirqs)                 \
	MAY(kernel_stat, irqs_sum)                 \
	MAY(tick_sched, idle_sleeptime)            \
	MAY(tick_sched, iowait_sleeptime)          \
	MAY(cgroup_root, cgrp)                     \
	MAY(cgroup, self)                          \
	MAY(cgroup_subsys_state, children)         \
	MAY(cgroup_subsys_state, sibling)          \
	MAY(kernfs_node, name)                     \
	MAY(cgroup, kn)                            \
	MAY(kernfs_node, id)                       \
	MAY(bpf_link, id)                          \
	MAY(bpf_link, type)                        \
	MAY(bpf_link, prog)                        \
	MAY(bpf_link, attach_type)                 \
	MAY(bpf_raw_tp_link, link)                 \
	MAY(bpf_raw_tp_link, btp)                  \
	MAY(bpf_raw_event_map, tp)                 \
	MAY(tracepoint, name)                      \
	MAY(bpf_tracing_link, link)                \
	MAY(bpf_tracing_link, attach_type)         \
	MAY(bpf_tracing_link, trampoline)          \
	MAY(bpf_tramp_link, link)                  \
	MAY(bpf_trampoline, key)                   \
	MAY(bpf_cgroup_link, link)                 \
	MAY(bpf_cgroup_link, cgroup)               \
	MAY(bpf_cgroup_link, type)                 \
	MAY(bpf_iter_link, link)                   \
	MAY(bpf_iter_link, aux)                    \
	MAY(bpf_iter_link, tinfo)                  \
	MAY(bpf_iter_aux_info, map)                \
	MAY(bpf_iter_target_info, reg_info)        \
	MAY(bpf_iter_reg, target)                  \
	MAY(bpf_netns_link, link)                  \
	MAY(bpf_netns_link, type)                  \
	MAY(bpf_netns_link, net)                   \
	MAY(net, ns)                               \
	MAY(ns_common, inum)                       \
	MAY(bpf_xdp_link, link)                    \
	MAY(bpf_xdp_link, dev)                     \
	MAY(net_device, ifindex)                   \
	MAY(bpf_struct_ops_link, link)             \
	MAY(bpf_struct_ops_link, map)              \
	MAY(bpf_prog, type)                        \
	MAY(bpf_prog, tag)                         \
	MAY(bpf_prog, stats)                       \
	MAY(bpf_prog, aux)                         \
	MAY(bpf_prog_aux, id)                      \
	MAY(bpf_prog_aux, name)                    \
	MAY(bpf_prog_aux, ksym)                    \
	MAY(bpf_ksym, start)                       \
	MAY(bpf_ksym, end)                         \
	MAY(bpf_ksym, name)                        \
	MAY(bpf_prog_aux, used_map_cnt)            \
	MAY(bpf_prog_aux, used_maps)               \
	MAY(bpf_prog_stats, cnt)                   \
	MAY(bpf_prog_stats, nsecs)                 \
	LAYOUT_SCHED(MAY)

#define LAYOUT_SIZES(SIZE)                 \
	SIZE(bucket)                       \
	SIZE(bpf_shtab_bucket)             \
	SIZE(bpf_local_storage_map_bucket) \
	SIZE(zone)

struct layout_member {
	uint32_t off;
	uint32_t size; /* bytes; of a flexible array those of one element; 0: there is none */
};

struct layout {
#define LAYOUT_FIELD(type, member) struct layout_member type##__##member;
	LAYOUT_MEMBERS(LAYOUT_FIELD, LAYOUT_FIELD)
#undef LAYOUT_FIELD
#define LAYOUT_FIELD(type) uint32_t sizeof__##type;
	LAYOUT_SIZES(LAYOUT_FIELD)
#undef LAYOUT_FIELD
};

/* E_TARGET: a member without which nothing works is not there. */
int layout_read(struct layout *l, const struct btf *btf, struct ksnap_err *err);
/* The member @name of struct @type, also within members without a name. */
bool layout_find(const struct btf *btf, const char *type, const char *name,
		 struct layout_member *ret);

#endif
