/* SPDX-License-Identifier: MIT */
/* map_list.h - the BPF maps and programs of a kernel seen from outside. */
#ifndef KSNAP_CAPTURE_OUTSIDE_MAP_LIST_H
#define KSNAP_CAPTURE_OUTSIDE_MAP_LIST_H

#include "capture/outside/kernel.h"
#include "capture/selection.h"

struct seen_map {
	uint32_t id, type, key_size, value_size, max_entries, flags;
	uint32_t btf_id, key_type, value_type; /* 0: it has none */
	uint32_t kernel_type; /* of a struct_ops map's value, in the kernel's BTF */
	uint64_t at;          /* its struct bpf_map */
	char name[16];
	bool taken; /* seen_select's mark */
};

struct seen_prog {
	uint32_t id, type;
	uint32_t first_map, nmaps; /* within map_ids */
	uint8_t tag[8];
	char name[16];
	uint64_t run_cnt, run_time_ns;
};

/* Zeroed is empty. Both in order of id. */
struct seen {
	struct buf maps, progs; /* struct seen_map, struct seen_prog each */
	struct buf map_ids;     /* uint32_t each */
	struct buf owners;      /* result of seen_owners */
};

void seen_fini(struct seen *s);
/* List anew. What cannot be read becomes a reason, when @rb is not NULL. E_NOMEM. */
int seen_read(struct seen *s, struct kernel *k, struct report_builder *rb, struct ksnap_err *err);
/* Mark what @sel takes. */
void seen_select(struct seen *s, struct selection *sel);
/* Is map @id called @name of the BPF object @obj? For a selection; @arg is the struct seen. */
bool seen_belongs(void *arg, const char *obj, uint32_t id, const char *name);
struct seen_map *seen_maps(const struct seen *s, size_t *ret_n);
struct seen_prog *seen_progs(const struct seen *s, size_t *ret_n);
struct seen_map *seen_map_by_id(const struct seen *s, uint32_t id);
/* Ids of the programs that use @map_id, good until the next call. E_NOMEM. */
int seen_owners(struct seen *s, uint32_t map_id, const uint32_t **ret, size_t *ret_n);
/* Write all programs as report_prog rows. */
int seen_report_progs(const struct seen *s, struct report_builder *rb, struct ksnap_err *err);

#endif
