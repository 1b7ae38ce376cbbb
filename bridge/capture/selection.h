/* SPDX-License-Identifier: MIT */
/* selection.h - which maps a capture takes: globs, id:N, obj:NAME, and !deny.
 *
 * A map is taken when some allow rule names it and no deny rule does. Without allow rules every
 * map is allowed but ksnap's own, whose names begin with "ksnap_". Patterns are borrowed. */
#ifndef KSNAP_CAPTURE_SELECTION_H
#define KSNAP_CAPTURE_SELECTION_H

#include "ksnap.h"
#include "report/builder.h"

#define SELECTION_MAX 64 /* rules of one capture, as in schemas/op/capture_snapshot.lua */
#define SELECTION_OWN "ksnap_"

struct selection_rule {
	enum { SELECT_GLOB, SELECT_ID, SELECT_OBJ } kind;
	bool deny;
	const char *text; /* as it was given */
	const char *arg;  /* the glob or the object's name */
	uint32_t id;      /* SELECT_ID */
	uint64_t matched; /* maps it named so far */
};

struct selection {
	size_t n;
	bool has_allow, has_obj;
	struct selection_rule rules[SELECTION_MAX];
};

/* Does map @id called @name belong to the BPF object @obj? */
typedef bool (*selection_obj_fn)(void *arg, const char *obj, uint32_t id, const char *name);

/* Parse. E_ARG names the pattern and the rule it breaks; E_LIMIT above SELECTION_MAX. */
int selection_init(struct selection *s, const char *const *patterns, size_t n,
		   struct ksnap_err *err);
/* Is the map taken? Counts, on each allow rule, that it was met. @obj is asked for obj: rules. */
bool selection_takes(struct selection *s, uint32_t id, const char *name, selection_obj_fn obj,
		     void *arg);
/* Does a deny rule name it? */
bool selection_denies(const struct selection *s, uint32_t id, const char *name,
		      selection_obj_fn obj, void *arg);
/* Is map @name a section that libbpf named after object @obj: its first bytes, odd ones as '_'? */
bool selection_section_of(const char *name, const char *obj);
/* The id:N rule that asks for exactly this map, counted as met; NULL when there is none. */
const char *selection_asks_for(struct selection *s, uint32_t id);
/* Give a reason no_match for every allow rule that met nothing. */
int selection_report_misses(const struct selection *s, struct report_builder *rb);

#endif
