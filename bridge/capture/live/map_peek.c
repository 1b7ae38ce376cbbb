// SPDX-License-Identifier: MIT
/* map_peek.c - arrays of kernel objects that no system call looks into: perf events, cgroups and
 * sockets, read out of the kernel's memory.
 *
 * Each place holds a pointer. It is read before and after what it points to: an object that was
 * exchanged meanwhile may be gone, its bytes mean nothing, and it is counted in `missing`.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "capture/live/kernel_maps.h"
#include "capture/live/kernel_read.h"
#include "capture/live/made_types.h"
#include "capture/live/map_job.h"

#define BLOCK      (KERNEL_READ_MAX / sizeof(uint64_t)) /* places in one read */
#define FIELDS_MAX 3

struct member {
	const char *type, *path;
};

/* How to get from a map to its objects. */
struct gallery {
	const char *record;               /* name of the value's type; NULL: its only field's */
	struct member places;             /* the pointers within the map */
	struct member hop;                /* from there to the object; type NULL: it is there */
	struct member fields[FIELDS_MAX]; /* what is read of an object */
	struct made_field
		made[FIELDS_MAX];  /* how it stands in the value; the kernel's may be shorter */
	uint8_t sizes[FIELDS_MAX]; /* bytes in the kernel */
	unsigned n;
};

static const struct gallery of_events = {
	.record = "perf_event",
	.places = { "bpf_array", "ptrs" },
	.hop = { "bpf_event_entry", "event" },
	.fields = { { "perf_event", "attr.config" },
		    { "perf_event", "attr.type" },
		    { "perf_event", "cpu" } },
	.made = { { "config", 8, 0 }, { "type", 4, 0 }, { "cpu", 4, 0 } },
	.sizes = { 8, 4, 4 },
	.n = 3,
};

static const struct gallery of_cgroups = {
	.places = { "bpf_array", "ptrs" },
	.hop = { "cgroup", "kn" },
	.fields = { { "kernfs_node", "id" } },
	.made = { { "cgroup_id", 8, 0 } },
	.sizes = { 8 },
	.n = 1,
};

static const struct gallery of_xdp_sockets = {
	.record = "xdp_socket",
	.places = { "xsk_map", "xsk_map" },
	.fields = { { "xdp_sock", "sk.__sk_common.skc_cookie" }, { "xdp_sock", "queue_id" } },
	.made = { { "socket_cookie", 8, 0 }, { "queue_id", 4, 0 } },
	.sizes = { 8, 2 },
	.n = 2,
};

static const struct gallery of_sockets = {
	.places = { "reuseport_array", "ptrs" },
	.fields = { { "sock", "__sk_common.skc_cookie" } },
	.made = { { "socket_cookie", 8, 0 } },
	.sizes = { 8 },
	.n = 1,
};

static const struct gallery *gallery_of(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
		return &of_events;
	case BPF_MAP_TYPE_CGROUP_ARRAY:
		return &of_cgroups;
	case BPF_MAP_TYPE_XSKMAP:
		return &of_xdp_sockets;
	default:
		return &of_sockets;
	}
}

int peek_describe(struct map_job *j)
{
	const struct gallery *g = gallery_of(j->info.type);
	struct type_table *t = report_types(j->rb);
	int64_t kt = made_number(t, "index", 4, j->err), vt;

	if (kt < 0)
		return kt;
	vt = g->record ? made_record(t, g->record, g->made, g->n, j->err)
		       : made_number(t, g->made[0].name, g->made[0].size, j->err);
	if (vt < 0)
		return vt;
	j->row.kt = kt;
	j->row.vt = vt;
	j->row.value_size = type_size(t, vt);
	return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct peek {
	struct map_job *j;
	const struct gallery *g;
	struct entries *e;
	struct read_result *res;
	uint64_t places; /* address of the first */
	uint32_t hop;    /* offsets */
	uint32_t fields[FIELDS_MAX];
	uint32_t n; /* places of the block in hand, */
	uint64_t before[BLOCK], after[BLOCK];
	uint32_t nfull; /* those that hold something: */
	uint32_t full[BLOCK];
	uint64_t objects[BLOCK];
	int errors[BLOCK];
	struct kernel_read reads[BLOCK];
};

static int run(struct peek *p, size_t n)
{
	return kernel_reader_run(p->j->t->reader, p->reads, n, &p->j->why);
}

static int read_places(struct peek *p, uint32_t first, uint64_t *to)
{
	p->reads[0] = (struct kernel_read){ .addr = p->places + 8 * (uint64_t)first,
					    .len = 8 * p->n,
					    .data = (uint8_t *)to };
	if (run(p, 1))
		return KSNAP_E_TARGET;
	return p->reads[0].error
		       ? err_set(&p->j->why, KSNAP_E_TARGET, "the map's places cannot be read")
		       : 0;
}

static void find_full(struct peek *p)
{
	p->nfull = 0;
	for (uint32_t i = 0; i < p->n; i++) {
		if (!p->before[i])
			continue;
		p->errors[p->nfull] = 0;
		p->objects[p->nfull] = p->before[i];
		p->full[p->nfull++] = i;
	}
}

/* @size bytes at @off of every object to @to, @stride apart. */
static int read_field(struct peek *p, uint32_t off, uint32_t size, uint8_t *to, size_t stride)
{
	for (uint32_t i = 0; i < p->nfull; i++)
		p->reads[i] = (struct kernel_read){ .addr = p->objects[i] + off,
						    .len = size,
						    .data = to + i * stride };
	if (run(p, p->nfull))
		return KSNAP_E_TARGET;
	for (uint32_t i = 0; i < p->nfull; i++)
		p->errors[i] |= p->reads[i].error;
	return 0;
}

/* Values of the block's objects, behind what is in e already. */
static int read_values(struct peek *p)
{
	const struct gallery *g = p->g;
	size_t size = p->j->plan.val_size, at = 0;
	uint8_t *to = p->e->vals + p->e->count * size;
	int ret = 0;

	memset(to, 0, p->nfull * size);
	if (g->hop.type)
		ret = read_field(p, p->hop, 8, (uint8_t *)p->objects, 8);
	for (unsigned f = 0; !ret && f < g->n; f++) {
		ret = read_field(p, p->fields[f], g->sizes[f], to + at, size);
		at += g->made[f].size;
	}
	return ret;
}

/* Keep the values whose place still holds what it held. */
static void keep_values(struct peek *p, uint32_t first)
{
	struct entries *e = p->e;
	size_t size = p->j->plan.val_size;
	uint8_t *from = e->vals + e->count * size;

	for (uint32_t i = 0; i < p->nfull; i++) {
		uint32_t at = p->full[i], key = first + at;

		if (p->errors[i] || p->before[at] != p->after[at]) {
			p->res->missing++;
			continue;
		}
		memcpy(e->keys + e->count * sizeof(key), &key, sizeof(key));
		memmove(e->vals + e->count * size, from + i * size, size);
		e->count++;
	}
}

/* 0, 1 for want of room, E_NOMEM, or another code with j->why. */
static int read_block(struct peek *p, uint32_t first)
{
	int ret = read_places(p, first, p->before);

	if (ret)
		return ret;
	find_full(p);
	while (!ret && p->e->count + p->nfull > p->e->room)
		ret = entries_grow(&p->j->plan, p->e);
	if (ret || !p->nfull)
		return ret;
	ret = read_values(p);
	if (!ret)
		ret = read_places(p, first, p->after);
	if (!ret)
		keep_values(p, first);
	return ret;
}

static int read_all(struct peek *p)
{
	uint32_t all = p->j->info.max_entries;
	int ret = 0;

	p->res->end = READ_DONE;
	for (uint32_t first = 0; !ret && first < all; first += BLOCK) {
		p->n = all - first < BLOCK ? all - first : BLOCK;
		ret = read_block(p, first);
		if (!ret && clock_mono_ns() >= p->j->plan.deadline_mono_ns) {
			p->res->end = READ_DEADLINE;
			return 0;
		}
	}
	if (ret == 1)
		p->res->end = READ_ROOM;
	return ret == 1 ? 0 : ret;
}

static int find_layout(struct peek *p)
{
	const struct gallery *g = p->g;
	struct ksnap_err *why = &p->j->why;
	const struct btf *btf = btf_types_load(p->j->t->types, BTF_OF_KERNEL, why);
	int64_t at = btf ? kernel_offset(btf, g->places.type, g->places.path, why) : why->code;

	if (at < 0)
		return at;
	if (kernel_map_address(btf, p->j->info.id, &p->places, why))
		return why->code;
	p->places += at;
	if (g->hop.type)
		at = kernel_offset(btf, g->hop.type, g->hop.path, why);
	p->hop = at;
	for (unsigned f = 0; at >= 0 && f < g->n; f++) {
		at = kernel_offset(btf, g->fields[f].type, g->fields[f].path, why);
		p->fields[f] = at;
	}
	return at < 0 ? at : 0;
}

int peek_fail(struct map_job *j, struct read_result *res, int code)
{
	if (code == KSNAP_E_NOMEM)
		return code;
	res->end = READ_FAILED;
	res->error = code == KSNAP_E_DENIED ? EPERM : 0;
	res->why = j->why.text;
	return 0;
}

int peek_ready(struct map_job *j)
{
	return live_need_reader(j->t, &j->why);
}

int peek_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	struct peek *p = calloc(1, sizeof(*p));
	int ret = p ? peek_ready(j) : KSNAP_E_NOMEM;

	if (!ret) {
		p->j = j;
		p->g = gallery_of(j->info.type);
		p->e = e;
		p->res = res;
		ret = find_layout(p);
	}
	if (!ret)
		ret = read_all(p);
	free(p);
	return ret ? peek_fail(j, res, ret) : 0;
}

/* A socket that can be looked up has its cookie made by that. */
int reuseport_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	return j->info.value_size == sizeof(uint64_t) ? map_read(&j->plan, e, res)
						      : peek_read(j, e, res);
}
