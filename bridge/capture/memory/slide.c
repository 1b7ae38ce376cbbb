// SPDX-License-Identifier: MIT
/* slide.c - compare two lists of symbols, name by name. */
#include "capture/memory/slide.h"

#include "base/error.h"

#define KERNEL_HALF (1ull << 63)

/* Has @s this row's name, only once, at an address that moves with the kernel? */
static bool is_landmark(const struct symbols *s, const char *name, uint64_t *ret)
{
	return symbols_find(s, name, ret) == 1 && *ret & KERNEL_HALF;
}

int slide_find(const struct symbols *file, const char *path, const struct symbols *running,
	       uint64_t *ret, struct ksnap_err *err)
{
	const struct symbol_row *row = (const struct symbol_row *)running->rows.data;
	size_t shared = 0;

	for (size_t i = 0; i < symbols_count(running); i++) {
		const char *name = (const char *)running->names.data + row[i].name;
		uint64_t there, here;

		if (row[i].type == 'A' || row[i].type == 'a' || !is_landmark(file, name, &there) ||
		    !is_landmark(running, name, &here))
			continue;
		if (shared++ && here - there != *ret)
			return err_set(err, KSNAP_E_TARGET,
				       "%s is of another kernel: %.64s is not where it would be",
				       path, name);
		*ret = here - there;
	}
	if (shared)
		return 0;
	return err_set(err, KSNAP_E_TARGET, "%s shares no symbol with the running kernel", path);
}
