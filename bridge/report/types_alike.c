// SPDX-License-Identifier: MIT
/* types_alike.c - are two types of two tables the same, as far as values show? */
#include <string.h>

#include "report/diff_state.h"
#include "report/value.h"

#define ALIKE_STEPS 1000000 /* rows and members looked at, against hostile types */
#define ALIKE_DEPTH 64

struct alike {
	const struct type_table *ta, *tb;
	unsigned left;
};

static bool is_same_name(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool rows_alike(struct alike *k, uint32_t a, uint32_t b, unsigned depth);

static bool members_alike(struct alike *k, const struct type_row *ra, const struct type_row *rb,
			  unsigned depth)
{
	for (uint32_t i = 0; i < ra->nmembers; i++) {
		const struct type_member *ma = &ra->members[i], *mb = &rb->members[i];

		if (ma->bit_off != mb->bit_off || ma->bit_size != mb->bit_size ||
		    !is_same_name(member_name(k->ta, ma), member_name(k->tb, mb)) ||
		    !rows_alike(k, ma->type, mb->type, depth + 1))
			return false;
	}
	return true;
}

static bool enumerators_alike(struct alike *k, const struct type_row *ra, const struct type_row *rb)
{
	if (k->left < ra->nenumerators)
		return false;
	k->left -= ra->nenumerators;
	for (uint32_t i = 0; i < ra->nenumerators; i++)
		if (ra->enumerators[i].value != rb->enumerators[i].value ||
		    !is_same_name(ra->enumerators[i].name, rb->enumerators[i].name))
			return false;
	return true;
}

static bool rows_alike(struct alike *k, uint32_t a, uint32_t b, unsigned depth)
{
	const struct type_row *ra = type_at(k->ta, type_resolve(k->ta, a));
	const struct type_row *rb = type_at(k->tb, type_resolve(k->tb, b));

	if (depth > ALIKE_DEPTH || !k->left)
		return false;
	k->left--;
	if (ra->kind != rb->kind || ra->size != rb->size || ra->enc != rb->enc ||
	    ra->bits != rb->bits || ra->len != rb->len || ra->nmembers != rb->nmembers ||
	    ra->nenumerators != rb->nenumerators)
		return false;
	if (ra->kind == TYPE_ARRAY)
		return rows_alike(k, ra->target, rb->target, depth + 1);
	return members_alike(k, ra, rb, depth) && enumerators_alike(k, ra, rb);
}

bool types_alike(const struct type_table *ta, uint32_t a, const struct type_table *tb, uint32_t b)
{
	struct alike k = { ta, tb, ALIKE_STEPS };

	if (a == TYPE_NONE || b == TYPE_NONE)
		return a == b;
	return rows_alike(&k, a, b, 0);
}
