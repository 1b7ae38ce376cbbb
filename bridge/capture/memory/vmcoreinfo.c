// SPDX-License-Identifier: MIT
/* vmcoreinfo.c - find the text, in a note or in memory, and look a key up in it. */
#include "capture/memory/vmcoreinfo.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/memory/paging.h"

#define NOTE_NAME "VMCOREINFO"
#define FIRST_KEY "OSRELEASE=" /* every kernel writes it first */

/* Lines of printable text, the last one ended, zeroes behind. */
static bool take_text(struct vmcoreinfo *v, const uint8_t *from, size_t len)
{
	size_t n = strnlen((const char *)from, len < VMCOREINFO_MAX ? len : VMCOREINFO_MAX);

	for (size_t i = 0; i < n; i++)
		if (from[i] != '\n' && (from[i] < ' ' || from[i] > '~'))
			return false;
	if (!n || strncmp((const char *)from, FIRST_KEY, strlen(FIRST_KEY)))
		return false;
	memcpy(v->text, from, n);
	v->text[n] = 0;
	v->len = n;
	return true;
}

bool vmcoreinfo_from_notes(struct vmcoreinfo *v, const uint8_t *notes, size_t len)
{
	Elf64_Nhdr h;

	while (len >= sizeof(h)) {
		uint64_t name, all;

		memcpy(&h, notes, sizeof(h));
		name = sizeof(h) + ((uint64_t)h.n_namesz + 3) / 4 * 4;
		all = name + ((uint64_t)h.n_descsz + 3) / 4 * 4;
		if (name + h.n_descsz > len)
			return false;
		if (h.n_namesz == sizeof(NOTE_NAME) &&
		    !memcmp(notes + sizeof(h), NOTE_NAME, sizeof(NOTE_NAME)) &&
		    take_text(v, notes + name, h.n_descsz))
			return true;
		if (all > len)
			return false;
		notes += all;
		len -= all;
	}
	return false;
}

static bool page_holds_one(struct vmcoreinfo *v, const struct physical *mem, uint64_t pa)
{
	uint8_t page[PAGE_BYTES];
	uint64_t left;
	const uint8_t *at = physical_at(mem, pa, &left);

	if (!at || left < PAGE_BYTES || memcmp(at, FIRST_KEY, strlen(FIRST_KEY)))
		return false;
	memcpy(page, at, PAGE_BYTES);
	return take_text(v, page, PAGE_BYTES) && strstr(v->text, "\nSYMBOL(");
}

bool vmcoreinfo_search(struct vmcoreinfo *v, const struct physical *mem, uint64_t *at)
{
	for (size_t i = 0; i < mem->n; i++) {
		const struct physical_segment *s = &mem->segments[i];
		uint64_t pa = (s->base + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;

		if (pa < *at)
			pa = *at;
		for (; pa >= s->base && pa - s->base < s->len; pa += PAGE_BYTES) {
			*at = pa + PAGE_BYTES;
			if (page_holds_one(v, mem, pa))
				return true;
		}
	}
	return false;
}

bool vmcoreinfo_text(const struct vmcoreinfo *v, const char *key, char *buf, size_t cap)
{
	size_t len = strlen(key);
	const char *line = v->text;

	while (*line) {
		size_t n = strcspn(line, "\n");

		if (n > len && line[len] == '=' && !strncmp(line, key, len)) {
			snprintf(buf, cap, "%.*s", (int)(n - len - 1), line + len + 1);
			return true;
		}
		line += n + (line[n] == '\n');
	}
	return false;
}

static bool value_of(const struct vmcoreinfo *v, const char *kind, const char *name, char *buf,
		     size_t cap)
{
	char key[128];

	return (size_t)snprintf(key, sizeof(key), "%s(%s)", kind, name) < sizeof(key) &&
	       vmcoreinfo_text(v, key, buf, cap);
}

bool vmcoreinfo_symbol(const struct vmcoreinfo *v, const char *name, uint64_t *ret)
{
	char value[32], *end;

	if (!value_of(v, "SYMBOL", name, value, sizeof(value)))
		return false;
	*ret = strtoull(value, &end, 16);
	return end != value && !*end;
}

bool vmcoreinfo_number(const struct vmcoreinfo *v, const char *name, int64_t *ret)
{
	char value[32], *end;

	if (!value_of(v, "NUMBER", name, value, sizeof(value)))
		return false;
	errno = 0;
	*ret = strtoll(value, &end, 10);
	return end != value && !*end && !errno;
}
