// SPDX-License-Identifier: MIT
/* space.c - page by page, each looked up once. */
#include "capture/memory/space.h"

#include <string.h>

void space_init(struct space *s, const struct physical *mem, uint64_t root, unsigned levels)
{
	*s = (struct space){ .pg = { mem, root, levels } };
}

void space_forget(struct space *s)
{
	memset(s->pages, 0, sizeof(s->pages));
}

/* The page of @va, when all of it is in memory. */
static const struct space_page *page_of(struct space *s, uint64_t va)
{
	uint64_t number = va / PAGE_BYTES, left;
	struct space_page *p = &s->pages[number % SPACE_REMEMBERED];

	if (p->page == number + 1)
		return p;
	p->page = 0;
	if (!paging_translate(&s->pg, number * PAGE_BYTES, &p->pa, &left))
		return NULL;
	p->at = physical_at(s->pg.mem, p->pa, &left);
	if (!p->at || left < PAGE_BYTES)
		return NULL;
	p->page = number + 1;
	return p;
}

static size_t part_of(uint64_t va, size_t len)
{
	size_t left = PAGE_BYTES - va % PAGE_BYTES;

	return left < len ? left : len;
}

bool space_physical(struct space *s, uint64_t va, uint64_t *ret)
{
	const struct space_page *p = page_of(s, va);

	if (p)
		*ret = p->pa + va % PAGE_BYTES;
	return p;
}

bool space_read(struct space *s, uint64_t va, void *buf, size_t len)
{
	uint8_t *to = buf;

	if (len > UINT64_MAX - va)
		return false;
	while (len) {
		size_t part = part_of(va, len);
		const struct space_page *p = page_of(s, va);

		if (!p)
			return false;
		memcpy(to, p->at + va % PAGE_BYTES, part);
		to += part;
		va += part;
		len -= part;
	}
	return true;
}

/* A number of machine width goes in one store: who runs meanwhile sees the old one or the new. */
static void put(uint8_t *at, const uint8_t *from, size_t len)
{
	uint64_t v = 0;

	memcpy(&v, from, len < sizeof(v) ? len : sizeof(v));
	if (len == 8 && (uintptr_t)at % 8 == 0)
		__atomic_store_n((uint64_t *)at, v, __ATOMIC_SEQ_CST);
	else if (len == 4 && (uintptr_t)at % 4 == 0)
		__atomic_store_n((uint32_t *)at, v, __ATOMIC_SEQ_CST);
	else if (len == 2 && (uintptr_t)at % 2 == 0)
		__atomic_store_n((uint16_t *)at, v, __ATOMIC_SEQ_CST);
	else
		memcpy(at, from, len);
}

static bool is_there(struct space *s, uint64_t va, size_t len)
{
	if (!s->pg.mem->is_writable || len > UINT64_MAX - va)
		return false;
	for (size_t done = 0; done < len; done += part_of(va + done, len - done))
		if (!page_of(s, va + done))
			return false;
	return true;
}

bool space_write(struct space *s, uint64_t va, const void *buf, size_t len)
{
	const uint8_t *from = buf;

	if (!is_there(s, va, len))
		return false;
	while (len) {
		size_t part = part_of(va, len);
		const struct space_page *p = page_of(s, va);

		if (!p)
			return false;
		put(p->at + va % PAGE_BYTES, from, part);
		from += part;
		va += part;
		len -= part;
	}
	return true;
}

bool space_string(struct space *s, uint64_t va, char *buf, size_t cap)
{
	size_t done = 0;

	while (done + 1 < cap) {
		size_t part = part_of(va + done, cap - 1 - done);

		if (!space_read(s, va + done, buf + done, part)) {
			buf[done] = 0;
			return false;
		}
		if (memchr(buf + done, 0, part))
			return true;
		done += part;
	}
	buf[done] = 0;
	return true;
}
