/* SPDX-License-Identifier: MIT */
/* ops_list.h - struct_ops maps: what each implements, in which state, with which programs.
 *
 * A struct_ops map is attached when the kernel uses its functions: in state "inuse", or "ready" and
 * held by a link. */
#ifndef KSNAP_CAPTURE_LIVE_OPS_LIST_H
#define KSNAP_CAPTURE_LIVE_OPS_LIST_H

#include "capture/btf.h"
#include "capture/live/link_list.h"
#include "capture/live/map_list.h"

enum ops_state { OPS_INIT, OPS_INUSE, OPS_TOBEFREE, OPS_READY }; /* as the kernel numbers them */

struct ops_row {
	uint32_t id; /* of the map */
	char name[BPF_OBJ_NAME_LEN];
	char ops[64]; /* the kernel's struct, such as "tcp_congestion_ops"; "": unknown */
	uint32_t state, refcnt;
	uint32_t link; /* 0: none */
	bool is_attached;
	size_t first_prog, nprogs; /* within progs */
};

struct ops_list {
	struct ops_row *rows;
	uint32_t *progs;
	size_t n, cap, nprogs, progs_cap;
};

void ops_list_fini(struct ops_list *l);
/* Is there a map among @maps that only a link can have attached? */
bool ops_list_needs_links(const struct map_list *maps);
/* Read anew those of @maps. One that goes away meanwhile is not there. One that cannot be read is a
 * reason; so are kernel types that cannot be, without which rows have no programs. E_NOMEM. */
int ops_list_read(struct ops_list *l, const struct map_list *maps, const struct link_list *links,
		  struct btf_types *types, struct report_builder *rb, struct ksnap_err *err);
/* Add one whose value is at hand: of its info the id, the name, the value's size and its type in
 * @btf count. @btf may be NULL: its programs are not known. E_NOMEM. */
int ops_list_add(struct ops_list *l, const struct bpf_map_info *info, const uint8_t *value,
		 const struct link_list *links, const struct btf *btf, struct ksnap_err *err);
/* As the report's value of `struct_ops`. */
void ops_list_pack(const struct ops_list *l, struct buf *out);

/* Where the functions of a struct_ops map's value are: offsets of members that point to one, at
 * most
 * @cap of them. @ret_ops is the name of the struct. Negative: @id is no such type. */
int ops_slots(const struct btf *btf, uint32_t id, uint32_t *offsets, size_t cap, size_t *ret_n,
	      const char **ret_ops);

#endif
