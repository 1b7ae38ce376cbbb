// SPDX-License-Identifier: MIT
/* btf_pointee.c - what a pointer points to, as the kernel lays it out. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "capture/btf.h"

#define NAME_DEPTH 8 /* anonymous members within each other that are looked into */

static const char *name_of(const struct btf *btf, const struct btf_type *t)
{
	const char *name = btf__name_by_offset(btf, t->name_off);

	return name && *name ? name : NULL;
}

static bool is_wrapper(const struct btf_type *t)
{
	return btf_is_const(t) || btf_is_volatile(t) || btf_is_restrict(t) || btf_is_type_tag(t) ||
	       btf_is_typedef(t);
}

static bool has_member(const struct btf *btf, const struct btf_type *t, const char *name, int depth)
{
	for (uint32_t i = 0; t && btf_is_composite(t) && i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *have = btf__name_by_offset(btf, m->name_off);

		if (have && *have && !strcmp(have, name))
			return true;
		if ((!have || !*have) && depth &&
		    has_member(btf, btf__type_by_id(btf, m->type), name, depth - 1))
			return true;
	}
	return false;
}

/* Has the kernel's struct each named member of @t? Then @t is a view of it. */
static bool is_view(const struct btf *btf, const struct btf_type *t, const struct btf *kernel,
		    uint32_t id)
{
	for (uint32_t i = 0; btf_is_composite(t) && i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, btf_members(t)[i].name_off);

		if (name && *name &&
		    !has_member(kernel, btf__type_by_id(kernel, id), name, NAME_DEPTH))
			return false;
	}
	return true;
}

static int kind_wanted(const struct btf_type *t)
{
	if (btf_is_fwd(t))
		return btf_kflag(t) ? BTF_KIND_UNION : BTF_KIND_STRUCT;
	return btf_kind(t);
}

/* The kernel's struct that @t stands for, "name___flavour" for "name"; 0: none. */
static uint32_t find_in_kernel(const struct btf *kernel, const struct btf *btf,
			       const struct btf_type *t)
{
	char name[128];
	char *flavour;
	int id;

	if ((!btf_is_composite(t) && !btf_is_fwd(t)) || !name_of(btf, t))
		return 0;
	snprintf(name, sizeof(name), "%s", name_of(btf, t));
	flavour = strstr(name, "___");
	if (flavour && flavour != name)
		*flavour = 0;
	id = btf__find_by_name_kind(kernel, name, kind_wanted(t));
	return id > 0 && is_view(btf, t, kernel, id) ? id : 0;
}

/* Behind typedefs and qualifiers; 0: void, or deeper than anything honest. */
static uint32_t strip(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	for (int i = 0; id && t && i < BTF_DEPTH; i++) {
		if (!is_wrapper(t))
			return id;
		id = t->type;
		t = btf__type_by_id(btf, id);
	}
	return 0;
}

/* A type that cannot be converted is one that is not known. */
static int64_t add_known(struct btf_types *c, uint32_t btf_id, uint32_t id, struct type_table *into,
			 struct ksnap_err *err)
{
	struct ksnap_err local = { 0 };
	int64_t index = btf_types_add(c, btf_id, id, into, &local);

	if (index == KSNAP_E_NOMEM)
		return err_nomem(err);
	return index < 0 ? (int64_t)TYPE_NONE : index;
}

int64_t btf_types_pointee(struct btf_types *c, const struct type_row *ptr, struct type_table *into,
			  struct ksnap_err *err)
{
	const struct btf *kernel, *btf;
	const struct btf_type *t;
	uint32_t id, ours;

	if (ptr->kind != TYPE_PTR || !ptr->btf_id || !ptr->btf_type)
		return TYPE_NONE;
	kernel = btf_types_load(c, BTF_OF_KERNEL, NULL); /* stays for good */
	btf = btf_types_load(c, ptr->btf_id, NULL);
	if (!btf)
		return TYPE_NONE;
	id = strip(btf, ptr->btf_type);
	t = btf__type_by_id(btf, id);
	if (!id || !t || btf_is_func_proto(t))
		return TYPE_NONE;
	ours = kernel && kernel != btf ? find_in_kernel(kernel, btf, t) : 0;
	if (!ours && btf_is_fwd(t))
		return TYPE_NONE;
	return add_known(c, ours ? BTF_OF_KERNEL : ptr->btf_id, ours ? ours : id, into, err);
}
