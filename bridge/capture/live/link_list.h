/* SPDX-License-Identifier: MIT */
/* link_list.h - what BPF programs are attached to now: the kernel's BPF links. */
#ifndef KSNAP_CAPTURE_LIVE_LINK_LIST_H
#define KSNAP_CAPTURE_LIVE_LINK_LIST_H

#include <linux/bpf.h>

#include "base/buf.h"
#include "ksnap.h"

struct link_row {
	uint32_t id, type, prog;
	bool has_attach, has_target_id;
	uint32_t attach;     /* enum bpf_attach_type, with has_attach */
	uint32_t map;        /* struct_ops and map iterators: a map's id; 0: none */
	uint32_t target_btf; /* tracing: BTF object or program that target_id is in; 0: none */
	uint64_t target_id;  /* cgroup, interface, network namespace or BTF type */
	char target[64];     /* tracepoint or iterator; "": none */
};

/* One reading, in order of id, and the one before it. Programs attached without a link are not
 * among them. */
struct link_list {
	struct link_row *rows, *old;
	size_t n, cap, nold, old_cap;
};

void link_list_fini(struct link_list *l);
/* Read anew. A link that goes away meanwhile is not there. Without @all only links of struct_ops
 * are sure to be as they are now: of others that are known since the reading before, the kernel is
 * not asked again. E_DENIED, E_TARGET, E_NOMEM. */
int link_list_read(struct link_list *l, bool all, struct ksnap_err *err);
/* The link that attaches struct_ops map @map_id, or NULL. */
const struct link_row *link_list_of_map(const struct link_list *l, uint32_t map_id);
/* The map that a struct_ops link attaches now: since Linux 6.4 (68b04864ca42) its id stands where
 * other links have theirs. */
uint32_t link_ops_map(const struct bpf_link_info *info);
/* As the report's value of `links`. */
void link_list_pack(const struct link_list *l, struct buf *out);

#endif
