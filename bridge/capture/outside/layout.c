// SPDX-License-Identifier: MIT
/* layout.c - look members up by name, once. */
#include "capture/outside/layout.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define NESTED_MAX 8

struct wanted {
	const char *type, *member;
	size_t at; /* in struct layout */
	bool needed;
};

static const struct wanted wanted[] = {
#define NEED(type, member) { #type, #member, offsetof(struct layout, type##__##member), true },
#define MAY(type, member)  { #type, #member, offsetof(struct layout, type##__##member), false },
	LAYOUT_MEMBERS(NEED, MAY)
};

static const struct wanted sizes[] = {
#define SIZE(type) { #type, NULL, offsetof(struct layout, sizeof__##type), false },
	LAYOUT_SIZES(SIZE)
};

static uint32_t size_of(const struct btf *btf, uint32_t type)
{
	const struct btf_type *t = btf__type_by_id(btf, btf__resolve_type(btf, type));
	int64_t size = btf__resolve_size(btf, type);

	if (size <= 0 && t && btf_is_array(t))
		size = btf__resolve_size(btf, btf_array(t)->type);
	return size > 0 && size <= UINT32_MAX ? size : 0;
}

static bool find_in(const struct btf *btf, const struct btf_type *t, const char *name,
		    uint32_t base, int depth, struct layout_member *ret)
{
	if (!t || !btf_is_composite(t) || depth == NESTED_MAX)
		return false;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *is = btf__name_by_offset(btf, m->name_off);
		uint32_t off = base + btf_member_bit_offset(t, i) / 8;

		if (is && *is && !strcmp(is, name)) {
			*ret = (struct layout_member){ off, size_of(btf, m->type) };
			return ret->size;
		}
		if ((!is || !*is) &&
		    find_in(btf, btf__type_by_id(btf, m->type), name, off, depth + 1, ret))
			return true;
	}
	return false;
}

bool layout_find(const struct btf *btf, const char *type, const char *name,
		 struct layout_member *ret)
{
	int32_t id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);

	*ret = (struct layout_member){ 0 };
	return id > 0 && find_in(btf, btf__type_by_id(btf, id), name, 0, 0, ret);
}

/* Ids of the structs that are wanted, in one pass: BTF is long. */
static void find_types(const struct btf *btf, int32_t *ids, const struct wanted *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i && !strcmp(w[i].type, w[i - 1].type))
			ids[i] = ids[i - 1];
		else
			ids[i] = btf__find_by_name_kind(btf, w[i].type, BTF_KIND_STRUCT);
	}
}

int layout_read(struct layout *l, const struct btf *btf, struct ksnap_err *err)
{
	int32_t ids[ARRAY_SIZE(wanted)], size_ids[ARRAY_SIZE(sizes)];

	*l = (struct layout){ 0 };
	find_types(btf, ids, wanted, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct layout_member *m = (struct layout_member *)((char *)l + wanted[i].at);

		if (ids[i] > 0 &&
		    find_in(btf, btf__type_by_id(btf, ids[i]), wanted[i].member, 0, 0, m))
			continue;
		*m = (struct layout_member){ 0 };
		if (wanted[i].needed)
			return err_set(err, KSNAP_E_TARGET,
				       "the kernel's BTF has no %s.%s: its maps cannot be found",
				       wanted[i].type, wanted[i].member);
	}
	find_types(btf, size_ids, sizes, ARRAY_SIZE(sizes));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		*(uint32_t *)((char *)l + sizes[i].at) =
			size_ids[i] > 0 ? size_of(btf, size_ids[i]) : 0;
	return 0;
}
