// SPDX-License-Identifier: MIT
/* pairs.c - which thing of one snapshot is which of the other: by name, within a name by id. */
#include "report/pairs.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ksnap.h"

typedef const struct named *named_ref;

static int order(const void *pa, const void *pb)
{
	named_ref a = *(const named_ref *)pa, b = *(const named_ref *)pb;
	int by_name = strcmp(a->name, b->name);

	return by_name ? by_name : (a->id > b->id) - (a->id < b->id);
}

static named_ref *sorted(const struct named *things, size_t n)
{
	named_ref *list = calloc(n + 1, sizeof(named_ref));

	for (size_t i = 0; list && i < n; i++)
		list[i] = &things[i];
	if (list)
		qsort(list, n, sizeof(named_ref), order);
	return list;
}

static void add(struct pairs *p, named_ref a, named_ref b, bool is_ambiguous)
{
	p->pair[p->n++] = (struct pair){ a, b, is_ambiguous };
}

/* Pair equal ids, move the others to the front of their lists; @na and @nb are then theirs. */
static void pair_ids(struct pairs *p, named_ref *a, size_t *na, named_ref *b, size_t *nb,
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

/* All of one name. */
static void pair_group(struct pairs *p, named_ref *a, size_t na, named_ref *b, size_t nb,
		       bool same_boot)
{
	bool is_ambiguous = na > 1 || nb > 1;

	if (same_boot)
		pair_ids(p, a, &na, b, &nb, is_ambiguous);
	for (size_t i = 0; i < na || i < nb; i++)
		add(p, i < na ? a[i] : NULL, i < nb ? b[i] : NULL, is_ambiguous);
}

static size_t run_of(named_ref *list, const char *name)
{
	size_t n = 0;

	while (list[n] && !strcmp(list[n]->name, name))
		n++;
	return n;
}

int pairs_make(struct pairs *ret, const struct named *a, size_t na, const struct named *b,
	       size_t nb, bool same_boot)
{
	_free_ named_ref *la = sorted(a, na), *lb = sorted(b, nb);
	named_ref *pa = la, *pb = lb;

	*ret = (struct pairs){ calloc(na + nb + 1, sizeof(*ret->pair)), 0 };
	if (!la || !lb || !ret->pair)
		return KSNAP_E_NOMEM;
	while (*pa || *pb) {
		bool is_a = *pa && (!*pb || strcmp((*pa)->name, (*pb)->name) <= 0);
		const char *name = is_a ? (*pa)->name : (*pb)->name;
		size_t len_a = run_of(pa, name), len_b = run_of(pb, name);

		pair_group(ret, pa, len_a, pb, len_b, same_boot);
		pa += len_a;
		pb += len_b;
	}
	return 0;
}

void pairs_fini(struct pairs *p)
{
	free(p->pair);
	p->pair = NULL;
}
