// SPDX-License-Identifier: MIT
/* map_struct_ops.c - the one value of a struct_ops map, its state and reference count in front, as
 * a type of the kernel.
 */
#include <bpf/bpf.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "capture/live/made_types.h"
#include "capture/live/map_job.h"

/* struct bpf_map_info as of Linux 6.9 has an id where older headers have padding. */
#define VMLINUX_ID_AT (offsetof(struct bpf_map_info, btf_value_type_id) + sizeof(uint32_t))

static uint32_t btf_of(const struct map_job *j)
{
	uint32_t id;

	memcpy(&id, (const uint8_t *)&j->info + VMLINUX_ID_AT, sizeof(id));
	return id ? id : BTF_OF_KERNEL;
}

static int say_untyped(struct map_job *j, const char *why)
{
	return report_reason(j->rb, "type_unknown", j->row.name, UINT64_MAX, UINT64_MAX,
			     "map %s (id %u) is shown as bytes: %s", j->row.name, j->row.id, why);
}

int struct_ops_describe(struct map_job *j)
{
	struct type_table *t = report_types(j->rb);
	struct ksnap_err why = { 0 };
	int64_t vt =
		btf_types_add(j->t->types, btf_of(j), j->info.btf_vmlinux_value_type_id, t, &why);
	int64_t kt = made_number(t, "index", 4, j->err);

	if (vt == KSNAP_E_NOMEM || kt < 0)
		return err_nomem(j->err);
	j->row.kt = kt;
	j->row.vt = vt < 0 ? TYPE_NONE : vt;
	return vt < 0 ? say_untyped(j, why.text) : 0;
}
