// SPDX-License-Identifier: MIT
/* map_nested.c - maps of maps: the ids within, and the maps behind them taken into the capture. */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/made_types.h"
#include "capture/live/map_job.h"
#include "capture/live/map_nested.h"

int nested_describe(struct map_job *j)
{
	struct type_table *t = report_types(j->rb);
	int ret = map_describe_by_btf(j);
	int64_t vt, kt;

	if (ret)
		return ret;
	vt = made_number(t, "map_id", 4, j->err);
	kt = vt >= 0 && j->row.kt == TYPE_NONE && j->info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS
		     ? made_number(t, "index", 4, j->err)
		     : j->row.kt;
	if (vt < 0 || kt < 0)
		return vt < 0 ? vt : kt;
	j->row.vt = vt;
	j->row.kt = kt;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The ids that stand in @vals, in order, each once, to the end of @to. */
static int collect_ids(const uint8_t *vals, uint64_t count, struct buf *to, size_t *ret_n)
{
	uint32_t *ids = buf_reserve(to, (count + 1) * sizeof(*ids));
	size_t n = 0;

	if (!ids)
		return -1;
	memcpy(ids, vals, count * sizeof(*ids));
	qsort(ids, count, sizeof(*ids), by_id);
	for (uint64_t i = 0; i < count; i++)
		if (!i || ids[i] != ids[i - 1])
			ids[n++] = ids[i];
	buf_commit(to, n * sizeof(*ids));
	*ret_n = n;
	return 0;
}

/* Maps come in order of id: one that was put in since the capture began, below where it is now,
 * comes too late. */
static int take_late(struct map_job *j, uint32_t id)
{
	int ret = map_list_add(&j->t->maps, id, j->t->selection, &j->t->progs, &j->t->objects,
			       j->err);

	if (ret != MAP_ADDED || id > j->row.id)
		return ret < 0 ? ret : 0;
	return report_reason(j->rb, "map_partial", j->row.name, UINT64_MAX, UINT64_MAX,
			     "map %u was put into %s (id %u) while it was read and is not here", id,
			     j->row.name, j->row.id);
}

int nested_finish(struct map_job *j, const struct entries *e)
{
	const uint32_t *ids;
	size_t n;
	int ret = 0;

	if (collect_ids(e->vals, e->count, &j->beside, &n))
		return err_nomem(j->err);
	ids = (const uint32_t *)j->beside.data;
	j->result.inner = ids;
	j->result.ninner = n;
	for (size_t i = 0; i < n && !ret; i++)
		ret = take_late(j, ids[i]);
	return ret;
}

/* ---- before anything is read ------------------------------------------------------------------
 */

/* What is in the map now; nothing when it went away or cannot be read: its own turn will tell. */
static int ids_now(const struct map_ref *ref, uint64_t deadline, struct buf *ids)
{
	_close_ int fd = bpf_map_get_fd_by_id(ref->info.id);
	struct read_plan plan = {
		.fd = fd,
		.kind = map_kind_of(ref->info.type),
		.key_size = ref->info.key_size,
		.val_size = sizeof(uint32_t),
		.expected = ref->info.max_entries,
		.deadline_mono_ns = deadline,
	};
	struct entries e = { .max_bytes = UINT32_MAX };
	struct read_result r;
	size_t n;
	int ret = 0;

	if (fd < 0 || ref->info.value_size != sizeof(uint32_t))
		return 0;
	if (map_read(&plan, &e, &r) || collect_ids(e.vals, e.count, ids, &n))
		ret = -1;
	free(e.keys);
	free(e.vals);
	return ret;
}

static int take_ids(struct target *t, const struct buf *ids, struct ksnap_err *err)
{
	int ret = 0;

	for (size_t i = 0; i < ids->len && ret >= 0; i += sizeof(uint32_t)) {
		uint32_t id;

		memcpy(&id, ids->data + i, sizeof(id));
		ret = map_list_add(&t->maps, id, t->selection, &t->progs, &t->objects, err);
	}
	return ret < 0 ? ret : 0;
}

int nested_take_inner(struct target *t, uint64_t deadline, struct ksnap_err *err)
{
	_buf_ struct buf ids = BUF_INIT;

	for (size_t i = 0; i < t->maps.n; i++) {
		const struct map_ref *ref = &t->maps.refs[i];

		if (ref->taken && map_family_of(ref->info.type)->finish == nested_finish &&
		    ids_now(ref, deadline, &ids))
			return err_nomem(err);
	}
	return take_ids(t, &ids, err);
}
