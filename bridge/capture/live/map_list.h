/* SPDX-License-Identifier: MIT */
/* map_list.h - the BPF maps that exist now, and which of them a capture takes. */
#ifndef KSNAP_CAPTURE_LIVE_MAP_LIST_H
#define KSNAP_CAPTURE_LIVE_MAP_LIST_H

#include <linux/bpf.h>

#include "capture/live/object.h"
#include "capture/live/prog_list.h"
#include "capture/selection.h"
#include "ksnap.h"

struct map_ref {
	struct bpf_map_info info;
	bool taken; /* map_list_select's mark */
};

/* In order of id. What is known about a map is kept from one listing to the next, for ids are not
 * used again: a later listing asks the kernel only about maps that are new. */
struct map_list {
	struct map_ref *refs, *old;
	size_t n, cap, nold, old_cap;
};

void map_list_fini(struct map_list *l);
/* List every map. One that goes away meanwhile is not there, and is a reason map_gone when a rule
 * asked for its id. E_DENIED, E_TARGET, E_NOMEM. */
int map_list_read(struct map_list *l, struct selection *sel, struct report_builder *rb,
		  struct ksnap_err *err);
/* Mark what @sel takes; gives how many. */
size_t map_list_select(struct map_list *l, struct selection *sel, const struct prog_list *progs,
		       const struct object_list *objects);

/* Is @ref a map of the BPF object @obj: attached here under that name, or loaded by somebody else,
 * as far as the names of sections and the maps of programs tell? */
bool map_list_is_of(const struct map_list *l, const struct prog_list *progs,
		    const struct object_list *objects, const char *obj, const struct map_ref *ref);

enum { MAP_NOT_ADDED, MAP_ADDED };

/* Mark map @id too, listing it when it is newer than all that are: MAP_ADDED when it was not marked
 * before. One that a rule denies, or that is gone, is MAP_NOT_ADDED. A negative code when the
 * kernel or memory fails. May move the refs. */
int map_list_add(struct map_list *l, uint32_t id, struct selection *sel,
		 const struct prog_list *progs, const struct object_list *objects,
		 struct ksnap_err *err);

#endif
