// SPDX-License-Identifier: MIT
/* retained.c - a ring of places, and the piece that is being filled. */
#include "broker/retained.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define PIECE_BYTES 16384

struct retained_piece {
	unsigned holds; /* headers in the ring, headers held, and one while it is filled */
	size_t used, size;
	char bytes[];
};

struct place {
	struct retained_piece *piece; /* NULL: no header */
	uint32_t at, len;
};

struct retained {
	struct retained_piece *now; /* NULL: none yet */
	struct place ring[LIMIT_MAX_RETAINED_HEADERS];
};

struct retained *retained_create(void)
{
	return calloc(1, sizeof(struct retained));
}

static void let_go(struct retained_piece *piece)
{
	if (piece && --piece->holds == 0)
		free(piece);
}

void retained_destroy(struct retained *r)
{
	for (size_t i = 0; r && i < LIMIT_MAX_RETAINED_HEADERS; i++)
		let_go(r->ring[i].piece);
	if (r)
		let_go(r->now);
	free(r);
}

static struct place *place_of(struct retained *r, uint64_t seq)
{
	return &r->ring[seq % LIMIT_MAX_RETAINED_HEADERS];
}

void retained_make_room(struct retained *r, uint64_t seq)
{
	struct place *p = place_of(r, seq);

	let_go(p->piece);
	p->piece = NULL;
}

/* A piece with room for @len bytes more; NULL: no memory. */
static struct retained_piece *piece_for(struct retained *r, size_t len)
{
	size_t size = len < PIECE_BYTES ? PIECE_BYTES : len;
	struct retained_piece *piece = r->now;

	if (piece && piece->size - piece->used >= len)
		return piece;
	piece = malloc(sizeof(*piece) + size);
	if (!piece)
		return NULL;
	*piece = (struct retained_piece){ .holds = 1, .size = size };
	let_go(r->now);
	r->now = piece;
	return piece;
}

int retained_put(struct retained *r, uint64_t seq, const void *header, size_t len)
{
	struct retained_piece *piece = piece_for(r, len);

	if (!piece)
		return KSNAP_E_NOMEM;
	memcpy(piece->bytes + piece->used, header, len);
	*place_of(r, seq) = (struct place){ piece, (uint32_t)piece->used, (uint32_t)len };
	piece->used += len;
	piece->holds++;
	return 0;
}

bool retained_hold(const struct retained *r, uint64_t seq, struct retained_header *ret)
{
	const struct place *p = &r->ring[seq % LIMIT_MAX_RETAINED_HEADERS];

	if (!p->piece)
		return false;
	p->piece->holds++;
	*ret = (struct retained_header){ p->piece, { p->piece->bytes + p->at, p->len } };
	return true;
}

void retained_release(struct retained_header *h)
{
	let_go(h->piece);
	h->piece = NULL;
}
