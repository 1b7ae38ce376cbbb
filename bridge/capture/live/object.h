/* SPDX-License-Identifier: MIT */
/* object.h - BPF objects this worker loaded and attached: they live until detach or close. */
#ifndef KSNAP_CAPTURE_LIVE_OBJECT_H
#define KSNAP_CAPTURE_LIVE_OBJECT_H

#include "base/buf.h"
#include "ksnap.h"

#define OBJECTS_MAX 64 /* attached at once by one worker */

struct object;

struct object_list {
	struct object *first;
	size_t n;
};

/* Load @elf and attach every program, and every struct_ops map, that says in its section where it
 * belongs; the others are only loaded. Appends {maps: [id...], progs: [id...]} to @reply. E_STATE:
 * the name is taken; E_LIMIT: OBJECTS_MAX; E_DENIED; E_TARGET with the end of libbpf's or the
 * verifier's log. */
int object_attach(struct object_list *l, const char *name, const void *elf, size_t len,
		  struct buf *reply, struct ksnap_err *err);
/* E_NOTFOUND lists the names that are there. */
int object_detach(struct object_list *l, const char *name, struct ksnap_err *err);
void object_detach_all(struct object_list *l);

const struct object *object_find(const struct object_list *l, const char *name);
bool object_has_map(const struct object *o, uint32_t id);

#endif
