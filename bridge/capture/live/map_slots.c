// SPDX-License-Identifier: MIT
/* map_slots.c - maps whose values stand for objects of the kernel: what their numbers mean. */
#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/made_types.h"
#include "capture/live/map_job.h"

/* Keys by BTF when there is one, else as numbers; hash keys without BTF stay bytes. */
static int describe_keys(struct map_job *j)
{
	int64_t kt;
	int ret = map_describe_by_btf(j);

	j->row.vt = TYPE_NONE;
	if (ret || j->row.kt != TYPE_NONE || j->row.key_size != 4)
		return ret;
	kt = made_number(report_types(j->rb), "index", 4, j->err);
	j->row.kt = kt;
	return kt < 0 ? kt : 0;
}

static int take_value_type(struct map_job *j, int64_t vt)
{
	if (vt < 0)
		return vt;
	j->row.vt = vt;
	return 0;
}

static int describe_number(struct map_job *j, const char *name)
{
	int ret = describe_keys(j);

	if (ret)
		return ret;
	return take_value_type(j,
			       made_number(report_types(j->rb), name, j->row.value_size, j->err));
}

/* A number and, in maps made so, the program that runs for it. */
static int describe_pair(struct map_job *j, const char *record, const char *number)
{
	const struct made_field fields[] = { { number, 4, 0 }, { "prog_id", 4, 0 } };
	int ret;

	if (j->row.value_size != 8)
		return describe_number(j, number);
	ret = describe_keys(j);
	if (ret)
		return ret;
	return take_value_type(j, made_record(report_types(j->rb), record, fields, 2, j->err));
}

int slots_describe_progs(struct map_job *j)
{
	return describe_number(j, "prog_id");
}

int slots_describe_devices(struct map_job *j)
{
	return describe_pair(j, "devmap_val", "ifindex");
}

int slots_describe_cpus(struct map_job *j)
{
	return describe_pair(j, "cpumap_val", "qsize");
}

int slots_describe_sockets(struct map_job *j)
{
	return describe_number(j, "socket_cookie");
}
