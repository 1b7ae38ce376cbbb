// SPDX-License-Identifier: MIT
/* btf_sample.c - one type of each kind, most of them used by one struct. */
#include "btf_sample.h"

struct btf *btf_sample(void)
{
	struct btf *btf = btf__new_empty();
	int u32, s, en, wide, proto, var, all;

	if (!btf)
		return NULL;
	u32 = btf__add_int(btf, "u32", 4, 0);
	s = btf__add_struct(btf, "inner", 8);
	btf__add_field(btf, "a", u32, 0, 3);
	btf__add_field(btf, "b", u32, 3, 29);
	en = btf__add_enum(btf, "e", 4);
	btf__add_enum_value(btf, "E", 1);
	wide = btf__add_enum64(btf, "w", 8, true);
	btf__add_enum64_value(btf, "W", -1);
	proto = btf__add_func_proto(btf, u32);
	btf__add_func_param(btf, "p", u32);
	btf__add_func(btf, "run", BTF_FUNC_GLOBAL, proto);
	var = btf__add_var(btf, "v", BTF_VAR_STATIC, s);
	btf__add_decl_tag(btf, "d", s, 0);
	all = btf__add_struct(btf, "all", 64);
	btf__add_field(btf, "s", s, 0, 0);
	btf__add_field(btf, "e", en, 64, 0);
	btf__add_field(btf, "w", wide, 128, 0);
	btf__add_field(btf, "f", btf__type_cnt(btf), 192, 0); /* to the pointer that follows */
	btf__add_field(btf, NULL, btf__type_cnt(btf) + 1, 256, 0);
	btf__add_field(btf, "t", btf__type_cnt(btf) + 3, 384, 0);
	btf__add_field(btf, "d", btf__type_cnt(btf) + 4, 448, 0);
	btf__add_ptr(btf, proto);
	btf__add_array(btf, u32, s, 2);
	btf__add_const(btf, u32);
	btf__add_typedef(btf, "t", btf__type_cnt(btf) - 1);
	btf__add_float(btf, "double", 8);
	btf__add_fwd(btf, "fwd", BTF_FWD_STRUCT);
	btf__add_restrict(btf, all);
	btf__add_volatile(btf, all);
	btf__add_type_tag(btf, "user", all);
	btf__add_union(btf, "u", 8);
	btf__add_field(btf, "x", s, 0, 0);
	btf__add_datasec(btf, ".bss", 8);
	btf__add_datasec_var_info(btf, var, 0, 8);
	return btf;
}
