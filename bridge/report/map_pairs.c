// SPDX-License-Identifier: MIT
/* map_pairs.c - which map of one snapshot is which of the other: by name, within a name by id. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/diff_state.h"

typedef const struct ksnap_map *map_ref;

static int order(const void *pa, const void *pb)
{
	map_ref a = *(const map_ref *)pa, b = *(const map_ref *)pb;
	int by_name = strcmp(a->name, b->name);

	return by_name ? by_name : (a->id > b->id) - (a->id < b->id);
}

static map_ref *sorted(const struct ksnap_snapshot *s)
{
	map_ref *list = calloc(s->nmaps + 1, sizeof(map_ref));

	for (size_t i = 0; list && i < s->nmaps; i++)
		list[i] = &s->maps[i];
	if (list)
		qsort(list, s->nmaps, sizeof(map_ref), order);
	return list;
}

static void add(struct map_pairs *p, map_ref a, map_ref b, bool is_ambiguous)
{
	p->pair[p->n++] = (struct map_pair){ a, b, is_ambiguous };
}

/* Pair equal ids, move the others to the front of their lists; @na and @nb are then theirs. */
static void pair_ids(struct map_pairs *p, map_ref *a, size_t *na, map_ref *b, size_t *nb,
		     bool is_ambiguous)
{
	size_t i = 0, j = 0, rest_a = 0, rest_b = 0;

	while (i < *na || j < *nb) {
		if (j == *nb || (i < *na && a[i]->id < b[j]->id))
			a[rest_a++] = a[i++];
		else if (i == *na || b[j]->id < a[i]->id)
			b[rest_b++] = b[j++];
		else
			add(p, a[i++], b[j++], is_ambiguous);
	}
	*na = rest_a;
	*nb = rest_b;
}

/* All maps of one name. */
static void pair_group(struct map_pairs *p, map_ref *a, size_t na, map_ref *b, size_t nb,
		       bool same_boot)
{
	bool is_ambiguous = na > 1 || nb > 1;

	if (same_boot)
		pair_ids(p, a, &na, b, &nb, is_ambiguous);
	for (size_t i = 0; i < na || i < nb; i++)
		add(p, i < na ? a[i] : NULL, i < nb ? b[i] : NULL, is_ambiguous);
}

static size_t run_of(map_ref *list, const char *name)
{
	size_t n = 0;

	while (list[n] && !strcmp(list[n]->name, name))
		n++;
	return n;
}

int map_pairs_make(struct map_pairs *ret, const struct ksnap_snapshot *a,
		   const struct ksnap_snapshot *b, bool same_boot)
{
	_free_ map_ref *la = sorted(a), *lb = sorted(b);
	map_ref *pa = la, *pb = lb;

	*ret = (struct map_pairs){ calloc(a->nmaps + b->nmaps + 1, sizeof(*ret->pair)), 0 };
	if (!la || !lb || !ret->pair)
		return KSNAP_E_NOMEM;
	while (*pa || *pb) {
		bool is_a = *pa && (!*pb || strcmp((*pa)->name, (*pb)->name) <= 0);
		const char *name = is_a ? (*pa)->name : (*pb)->name;
		size_t na = run_of(pa, name), nb = run_of(pb, name);

		pair_group(ret, pa, na, pb, nb, same_boot);
		pa += na;
		pb += nb;
	}
	return 0;
}

void map_pairs_fini(struct map_pairs *p)
{
	free(p->pair);
	p->pair = NULL;
}
