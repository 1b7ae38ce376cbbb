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
 * belongs; the others are only loaded. A struct_ops is taken out by a child when this process is
 * killed: the kernel would keep it. Appends {maps, progs, map_names, prog_names}, lists, to
 * @reply. E_STATE: the name is taken; E_LIMIT: OBJECTS_MAX; E_DENIED; E_TARGET with the end of
 * libbpf's or the verifier's log; E_LIMIT, too, when that child cannot be started. */
int object_attach(struct object_list *l, const char *name, const void *elf, size_t len,
		  struct buf *reply, struct ksnap_err *err);
/* Put @elf in the place of the object @name: loaded first, so that one that does not load changes
 * nothing; then attached, beside the old one for a moment, or in its place where the kernel takes
 * only one of them (struct_ops); then the old one goes. When the new one cannot be attached the old
 * one is as before; the error says so, or why not. Errors as attach, and E_NOTFOUND lists the
 * names. */
int object_replace(struct object_list *l, const char *name, const void *elf, size_t len,
		   struct buf *reply, struct ksnap_err *err);
/* E_NOTFOUND lists the names that are there. */
int object_detach(struct object_list *l, const char *name, struct ksnap_err *err);
void object_detach_all(struct object_list *l);

const struct object *object_find(const struct object_list *l, const char *name);
bool object_has_map(const struct object *o, uint32_t id);

#endif
