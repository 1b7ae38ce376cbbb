/* SPDX-License-Identifier: MIT */
/* active.h - the maps that attached struct_ops programs use: of same-named sections, the live ones.
 */
#ifndef KSNAP_CAPTURE_LIVE_ACTIVE_H
#define KSNAP_CAPTURE_LIVE_ACTIVE_H

#include "capture/live/map_list.h"
#include "capture/live/ops_list.h"
#include "capture/live/prog_list.h"

struct active_maps {
	uint32_t *ids; /* ascending, each once */
	size_t n, cap;
	char obj[BPF_OBJ_NAME_LEN]; /* what stands before the dot in the name of every section among
				     * them; "": there is no section, or they differ */
};

void active_fini(struct active_maps *a);
/* Find anew: the attached maps of @ops, and all maps their programs use. E_NOMEM. */
int active_find(struct active_maps *a, const struct ops_list *ops, const struct prog_list *progs,
		const struct map_list *maps, struct ksnap_err *err);
bool active_has(const struct active_maps *a, uint32_t map_id);
/* As the report's value of `active`. */
void active_pack(const struct active_maps *a, struct buf *out);

#endif
