/* SPDX-License-Identifier: MIT */
/* prog_list.h - the BPF programs that are loaded now, and the maps each uses. */
#ifndef KSNAP_CAPTURE_LIVE_PROG_LIST_H
#define KSNAP_CAPTURE_LIVE_PROG_LIST_H

#include <linux/bpf.h>

#include "ksnap.h"
#include "report/builder.h"

struct prog_row {
	uint32_t id, type;
	char name[BPF_OBJ_NAME_LEN];
	uint8_t tag[BPF_TAG_SIZE];
	uint64_t run_cnt, run_time_ns;
	uint32_t first_map, nmaps; /* within map_ids */
	bool is_settled;           /* its maps were read long enough after it was loaded */
};

/* One reading, in order of id. */
struct prog_rows {
	struct prog_row *rows;
	uint32_t *map_ids;
	size_t n, cap, nids, ids_cap;
};

/* What is known about a program is kept from one reading to the next, for ids are not used again.
 * Only its run counts change, and, shortly after it was loaded, its maps: loaders bind some then.
 */
struct prog_list {
	struct prog_rows now, old;
	uint32_t *owners; /* result of prog_list_owners */
	size_t owners_cap;
};

void prog_list_fini(struct prog_list *l);
/* Read anew, with @counts also what is known. A program that goes away meanwhile is not there.
 * E_DENIED, E_TARGET, E_NOMEM. */
int prog_list_read(struct prog_list *l, bool counts, struct ksnap_err *err);
bool prog_uses(const struct prog_list *l, const struct prog_row *p, uint32_t map_id);
/* Ids of the programs that use @map_id, good until the next call. E_NOMEM. */
int prog_list_owners(struct prog_list *l, uint32_t map_id, const uint32_t **ret, size_t *ret_n);
/* Write all as report_prog rows. */
int prog_list_report(const struct prog_list *l, struct report_builder *rb, struct ksnap_err *err);

#endif
