// SPDX-License-Identifier: MIT
/* map_struct_ops.c - the one value of a struct_ops map, its state and reference count in front, as
 * a type of the kernel.
 */
#include <bpf/bpf.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/made_types.h"
#include "capture/live/map_job.h"

/* struct bpf_map_info as of Linux 6.9 has an id where older headers have padding. */
#define VMLINUX_ID_AT (offsetof(struct bpf_map_info, btf_value_type_id) + sizeof(uint32_t))

/* The id of the kernel's own BTF object, 0 when it has none. */
static uint32_t find_vmlinux(void)
{
	char name[16];
	uint32_t id = 0;

	while (!bpf_btf_get_next_id(id, &id)) {
		_close_ int fd = bpf_btf_get_fd_by_id(id);
		struct bpf_btf_info info = { .name = (uintptr_t)name, .name_len = sizeof(name) };
		uint32_t len = sizeof(info);

		name[0] = 0;
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.kernel_btf &&
		    !strcmp(name, "vmlinux"))
			return id;
	}
	return 0;
}

static uint32_t btf_of(const struct map_job *j)
{
	uint32_t id;

	memcpy(&id, (const uint8_t *)&j->info + VMLINUX_ID_AT, sizeof(id));
	return id ? id : find_vmlinux();
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
