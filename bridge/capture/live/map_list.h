/* SPDX-License-Identifier: MIT */
/* map_list.h - the BPF maps that exist now, and which of them a capture takes. */
#ifndef KSNAP_CAPTURE_LIVE_MAP_LIST_H
#define KSNAP_CAPTURE_LIVE_MAP_LIST_H

#include <linux/bpf.h>

#include "capture/live/object.h"
#include "capture/live/prog_list.h"
#include "capture/selection.h"
#include "ksnap.h"

/* Descriptors kept open between listing and reading; further maps are opened again by id. */
#define MAP_LIST_OPEN 256

struct map_ref {
	int fd;     /* -1: to be opened by id */
	bool taken; /* map_list_select's mark */
	struct bpf_map_info info;
};

/* In order of id. Memory is kept from one listing to the next. */
struct map_list {
	struct map_ref *refs;
	size_t n, cap, nopen;
};

void map_list_fini(struct map_list *l);
/* Close descriptors and forget the maps. */
void map_list_clear(struct map_list *l);
/* List every map. One that goes away meanwhile is not there, and is a reason map_gone when a rule
 * asked for its id. E_DENIED, E_TARGET, E_NOMEM. */
int map_list_read(struct map_list *l, struct selection *sel, struct report_builder *rb,
		  struct ksnap_err *err);
/* Keep only what @sel takes. */
void map_list_select(struct map_list *l, struct selection *sel, const struct prog_list *progs,
		     const struct object_list *objects);
/* Open the map if it is not. -1 with errno when it is gone. */
int map_ref_open(struct map_ref *ref);

#endif
