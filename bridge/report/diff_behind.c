// SPDX-License-Identifier: MIT
/* diff_behind.c - what pointers point to, compared under the pointer that leads there.
 *
 * Each object once: it waits in a list until the entry that led to it is done, so chains cost no
 * stack. They are followed as far as any capture can have, and farther. */
#include <stdlib.h>
#include <string.h>

#include "report/diff_state.h"
#include "report/value.h"

#define NEST_MAX  64 /* types within types that are looked through for pointers */
#define CHAIN_MAX 16 /* pointers in one path; captures follow 4 */
#define ALIKE_MAX 64 /* types that are compared; the parts of others are, by name */

/* What is known of one type of the first snapshot. */
struct seen_type {
	enum { UNSEEN, LEADS_NOWHERE, LEADS_ON } leads;
	uint32_t beside; /* a type of the second, and whether it is alike */
	bool has_beside, alike;
};

/* Two objects that wait. */
struct todo {
	size_t path; /* offset within paths, NUL-terminated */
	const struct chased *a, *b;
	unsigned chain; /* pointers in the path */
};

struct behind {
	struct seen_type *types; /* one a type of the first snapshot */
	uint8_t *met;            /* one a chased object of the first snapshot */
	struct todo *todo;       /* each of those at most once */
	size_t ntodo;
	unsigned chain; /* pointers in the path at hand */
	struct buf paths;
	unsigned ncompared; /* types */
};

int diff_behind_init(struct diff *d)
{
	struct behind *x;

	if (!object_get(&d->a->root, "chased") || !object_get(&d->b->root, "chased"))
		return 0;
	d->behind = x = calloc(1, sizeof(*x));
	if (!x)
		return -1;
	x->types = calloc(type_table_len(d->a->types) + 1, sizeof(*x->types));
	x->met = calloc(d->a->nchased + 1, 1);
	x->todo = calloc(d->a->nchased + 1, sizeof(*x->todo));
	return x->types && x->met && x->todo ? 0 : -1;
}

void diff_behind_fini(struct diff *d)
{
	struct behind *x = d->behind;

	if (!x)
		return;
	free(x->types);
	free(x->met);
	free(x->todo);
	buf_fini(&x->paths);
	free(x);
}

/* ---- types with pointers in them ----------------------------------------------------------- */

static bool leads_on(const struct diff *d, uint32_t type, unsigned depth)
{
	const struct type_table *t = d->a->types;
	uint32_t at = type_resolve(t, type);
	const struct type_row *row = type_at(t, at);
	bool does = row->kind == TYPE_PTR || depth >= NEST_MAX;

	if (at >= type_table_len(t))
		return false;
	if (d->behind->types[at].leads != UNSEEN)
		return d->behind->types[at].leads == LEADS_ON;
	d->behind->types[at].leads = LEADS_NOWHERE; /* a type within itself adds nothing */
	if (!does && row->kind == TYPE_ARRAY)
		does = leads_on(d, row->target, depth + 1);
	for (uint32_t i = 0; !does && i < row->nmembers; i++)
		does = leads_on(d, row->members[i].type, depth + 1);
	d->behind->types[at].leads = does ? LEADS_ON : LEADS_NOWHERE;
	return does;
}

bool diff_leads_on(const struct diff *d, uint32_t type)
{
	return d->behind && type != TYPE_NONE && leads_on(d, type, 0);
}

/* ---- pointers ------------------------------------------------------------------------------ */

/* Why there is nothing to see behind a pointer of one side; NULL: there is. */
static const char *hidden(const struct chased *c)
{
	return !c ? "is not there" : c->error ? "could not be read" : NULL;
}

static void tell_hidden(struct diff *d, const struct chased *a, const struct chased *b)
{
	const struct chased *c = hidden(a) ? a : b;
	const char *which = hidden(a) ? "first" : "second";

	if (hidden(a) && hidden(b))
		return;
	if (c)
		diff_note(d, "what it points to could not be read in the %s snapshot: %.*s", which,
			  (int)(c->error->via.str.size < 200 ? c->error->via.str.size : 200),
			  c->error->via.str.ptr);
	else
		diff_note(d, "what it points to is not in the %s snapshot", which);
}

void diff_follow(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b)
{
	struct behind *x = d->behind;
	const struct chased *ca, *cb;
	uint64_t at_a, at_b;

	if (!x || ksnap_value_u64(a, &at_a, NULL) || ksnap_value_u64(b, &at_b, NULL) ||
	    (at_a != at_b && d->same_boot))
		return;
	ca = chased_find(d->a, at_a);
	cb = chased_find(d->b, at_b);
	if (ca && x->met[ca - d->a->chased])
		return;
	if (x->chain >= CHAIN_MAX) {
		diff_note(d, "what is behind more than %d pointers is not compared", CHAIN_MAX);
		return;
	}
	if (ca)
		x->met[ca - d->a->chased] = 1;
	if (hidden(ca) || hidden(cb)) {
		tell_hidden(d, ca, cb);
		return;
	}
	x->todo[x->ntodo++] = (struct todo){ x->paths.len, ca, cb, x->chain + 1 };
	buf_append(&x->paths, d->path.data, d->path.len);
	buf_append(&x->paths, "", 1);
	if (!buf_ok(&x->paths))
		d->rc = KSNAP_E_NOMEM;
}

static bool objects_alike(const struct diff *d, uint32_t a, uint32_t b)
{
	struct seen_type *t = &d->behind->types[a];

	if (t->has_beside && t->beside == b)
		return t->alike;
	if (d->behind->ncompared++ >= ALIKE_MAX)
		return false;
	t->has_beside = true;
	t->beside = b;
	t->alike = types_alike(d->a->types, a, d->b->types, b);
	return t->alike;
}

static void diff_objects(struct diff *d, const struct chased *a, const struct chased *b)
{
	struct ksnap_value va = { .snap = d->a, .data = a->data, .size = a->size, .type = a->type };
	struct ksnap_value vb = { .snap = d->b, .data = b->data, .size = b->size, .type = b->type };

	d->alike = objects_alike(d, a->type, b->type);
	if (form_of(&d->fa, a->type)->class != FORM_RECORD)
		diff_push(d, "[0]");
	diff_value(d, &va, &vb, 0);
}

void diff_behind(struct diff *d)
{
	struct behind *x = d->behind;
	bool alike = d->alike;
	size_t before = d->path.len;

	for (size_t i = 0; x && i < x->ntodo && !d->rc && !d->has_cut; i++) {
		const char *path = (const char *)x->paths.data + x->todo[i].path;

		d->path.len = 0;
		x->chain = x->todo[i].chain;
		buf_append(&d->path, path, strlen(path));
		diff_objects(d, x->todo[i].a, x->todo[i].b);
	}
	if (!x || !x->ntodo)
		return;
	x->ntodo = 0;
	x->chain = 0;
	buf_clear(&x->paths);
	d->alike = alike;
	d->path.len = before; /* all that was put there began with it */
}
