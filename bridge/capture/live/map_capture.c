// SPDX-License-Identifier: MIT
/* map_capture.c - one live map as a row of the report.
 *
 * Entries go straight into the report's buffer. Only a map that could hold far more than it may
 * have is read into memory of our own first, so that room is made for what is there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/map_job.h"
#include "capture/live/privilege.h"

#define DIRECT_MAX (64u << 20) /* bytes of room taken in a report before anything is read */
#define SLACK      64 /* entries above max_entries that a hash map may show while it changes */

/* ---- what is wrong, in words ------------------------------------------------------------------
 */

static const char *errno_text(int error)
{
	const char *text = strerrordesc_np(error);

	return text ? text : "the kernel's map type has no look-up";
}

static int say_failed(struct map_job *j, const struct read_result *r)
{
	bool denied = r->error == EPERM || r->error == EACCES;
	const char *why = r->why ? r->why : errno_text(r->error);

	j->result.error = why;
	return report_reason(j->rb,
			     denied   ? "denied"
			     : r->why ? "unsupported"
				      : "map_unreadable",
			     j->row.name, UINT64_MAX, j->result.count,
			     "map %s (id %u) cannot be read: %s", j->row.name, j->row.id, why);
}

static int say_why(struct map_job *j, const struct read_result *r)
{
	switch (r->end) {
	case READ_DONE:
		return 0;
	case READ_FAILED:
		return say_failed(j, r);
	case READ_DEADLINE:
		return report_reason(j->rb, "deadline", j->row.name, UINT64_MAX, j->result.count,
				     "the deadline passed while map %s was read", j->row.name);
	case READ_RESTARTED:
		return report_reason(j->rb, "map_partial", j->row.name, UINT64_MAX, j->result.count,
				     "keys of map %s went away under %d walks", j->row.name,
				     READ_RESTARTS + 1);
	case READ_PEEKED:
		return report_reason(
			j->rb, "map_partial", j->row.name, UINT64_MAX, j->result.count,
			"map %s (id %u) shows its next element only: the kernel does not "
			"tell how many wait behind it",
			j->row.name, j->row.id);
	case READ_UNSEEN:
		return report_reason(j->rb, "map_partial", j->row.name, UINT64_MAX, j->result.count,
				     "map %s (id %u): %s", j->row.name, j->row.id, r->why);
	case READ_ROOM:
		break;
	}
	return report_reason(j->rb, "map_partial", j->row.name, j->row.max_entries, j->result.count,
			     "map %s has more entries than there was room for: %llu were read",
			     j->row.name, (unsigned long long)j->result.count);
}

static void take_result(struct map_job *j, const struct entries *e, const struct read_result *r)
{
	j->result.count = e->count;
	j->result.complete = r->end == READ_DONE;
	j->result.restarts = r->restarts;
	j->result.duplicates = r->duplicates;
	j->result.missing = r->missing;
}

static uint64_t entry_bytes(const struct read_plan *p)
{
	return p->key_size + p->val_size;
}

static int end_map(struct map_job *j, const struct read_result *r)
{
	int ret = say_why(j, r);
	uint64_t bytes = j->result.count * entry_bytes(&j->plan);

	*j->budget -= bytes < *j->budget ? bytes : *j->budget;
	if (!ret)
		ret = report_map_end(j->rb, &j->result, j->err);
	return ret ? ret : r->end == READ_DEADLINE;
}

/* ---- two ways into the report ------------------------------------------------------------------
 */

static uint64_t room_of(const struct read_plan *p)
{
	return p->kind->is_array || p->kind->is_sparse ? p->expected
						       : p->expected + p->expected / 8 + SLACK;
}

static bool fits_directly(const struct map_job *j)
{
	uint64_t most = *j->budget < DIRECT_MAX ? *j->budget : DIRECT_MAX;

	if (!entry_bytes(&j->plan))
		return true;
	return !j->plan.kind->is_unbounded && room_of(&j->plan) <= most / entry_bytes(&j->plan);
}

/* Read, and write down what stands beside the entries. */
static int read_entries(struct map_job *j, struct entries *e, struct read_result *r)
{
	const struct map_family *f = j->family;
	int ret;

	*r = (struct read_result){ 0 };
	e->count = 0;
	ret = f->read ? f->read(j, e, r) : map_read(&j->plan, e, r);
	if (ret)
		return err_nomem(j->err);
	take_result(j, e, r);
	return f->finish ? f->finish(j, e) : 0;
}

static int read_directly(struct map_job *j)
{
	struct entries e = { .room = room_of(&j->plan) };
	struct read_result r;
	int ret = report_map_begin(j->rb, &j->row, e.room, &e.keys, &e.vals, j->err);

	if (!ret)
		ret = read_entries(j, &e, &r);
	return ret ? ret : end_map(j, &r);
}

static int read_aside(struct map_job *j)
{
	struct entries *e = &j->t->scratch;
	struct read_result r;
	uint8_t *keys, *vals;
	int ret;

	free(e->keys);
	free(e->vals);
	*e = (struct entries){ .max_bytes = *j->budget };
	ret = read_entries(j, e, &r);
	if (!ret)
		ret = report_map_begin(j->rb, &j->row, e->count, &keys, &vals, j->err);
	if (ret)
		return ret;
	if (e->count) {
		memcpy(keys, e->keys, e->count * j->plan.key_size);
		memcpy(vals, e->vals, e->count * j->plan.val_size);
	}
	return end_map(j, &r);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* A row with an error and nothing in it. */
static int write_empty(struct map_job *j, const char *error)
{
	uint8_t *keys, *vals;
	int ret;

	j->row.ncpu = j->row.stride = 0;
	j->row.no_keys = false;
	j->result.count = 0;
	j->result.complete = false;
	j->result.error = error;
	ret = report_map_begin(j->rb, &j->row, 0, &keys, &vals, j->err);
	return ret ? ret : report_map_end(j->rb, &j->result, j->err);
}

static int refuse_type(struct map_job *j)
{
	report_reason(j->rb, "unsupported", j->row.name, UINT64_MAX, UINT64_MAX,
		      "map %s (id %u, %s): %s", j->row.name, j->row.id, j->row.type,
		      j->family->why_not);
	return write_empty(j, j->family->why_not);
}

/* Without types the bytes are still good: a reason, not a failure. */
int map_describe_by_btf(struct map_job *j)
{
	const struct bpf_map_info *info = &j->info;
	struct type_table *table = report_types(j->rb);
	struct ksnap_err local = { 0 };
	int64_t kt = btf_types_add(j->t->types, info->btf_id, info->btf_key_type_id, table, &local);
	int64_t vt = kt < 0 ? kt
			    : btf_types_add(j->t->types, info->btf_id, info->btf_value_type_id,
					    table, &local);

	if (kt == KSNAP_E_NOMEM || vt == KSNAP_E_NOMEM)
		return err_nomem(j->err);
	j->row.kt = kt < 0 ? TYPE_NONE : kt;
	j->row.vt = vt < 0 ? TYPE_NONE : vt;
	if (kt >= 0 && vt >= 0)
		return 0;
	return report_reason(j->rb, "type_unknown", j->row.name, UINT64_MAX, UINT64_MAX,
			     "map %s (id %u) is shown as bytes: %s", j->row.name, j->row.id,
			     local.text);
}

static bool is_section(const struct map_job *j)
{
	const struct bpf_map_info *info = &j->info;
	const struct type_row *row = type_at(report_types(j->rb), j->row.vt);

	return info->type == BPF_MAP_TYPE_ARRAY && info->max_entries == 1 &&
	       row->kind == TYPE_DATASEC;
}

static void lay_out(struct map_job *j)
{
	const struct bpf_map_info *info = &j->info;
	const struct map_kind *kind = j->plan.kind;
	uint32_t stride = (j->row.value_size + 7) / 8 * 8;

	j->plan.key_size = j->row.key_size;
	j->plan.val_size = kind->is_percpu ? (size_t)stride * j->t->ncpu : j->row.value_size;
	j->plan.expected = info->max_entries;
	j->plan.is_section = j->row.no_keys = is_section(j);
	if (kind->is_percpu) {
		j->row.ncpu = j->t->ncpu;
		j->row.stride = stride;
	}
}

/* What was known from the listing may be of another life of the same id; sizes must not be. */
static int open_map(struct map_job *j, const struct map_ref *ref)
{
	uint32_t len = sizeof(j->info);

	j->plan.fd = bpf_map_get_fd_by_id(ref->info.id);
	if (j->plan.fd < 0 || bpf_obj_get_info_by_fd(j->plan.fd, &j->info, &len))
		return -1;
	j->info.name[sizeof(j->info.name) - 1] = 0;
	return 0;
}

static int say_gone(struct map_job *j, const struct map_ref *ref)
{
	if (errno == ENOENT)
		return report_reason(j->rb, "map_gone", ref->info.name, 1, 0,
				     "map %s (id %u) went away before it was read", ref->info.name,
				     ref->info.id);
	return report_reason(j->rb, "map_unreadable", ref->info.name, 1, 0,
			     "map %s (id %u) cannot be opened: %s", ref->info.name, ref->info.id,
			     errno_text(errno));
}

static void begin_row(struct map_job *j)
{
	const struct bpf_map_info *info = &j->info;

	j->family = map_family_of(info->type);
	j->plan.kind = &j->family->kind;
	j->row = (struct report_map_row){
		.id = info->id,
		.name = info->name,
		.type = map_type_name(info->type),
		.flags = info->map_flags,
		.key_size = info->key_size,
		.value_size = info->value_size,
		.max_entries = info->max_entries,
		.kt = TYPE_NONE,
		.vt = TYPE_NONE,
	};
}

static int capture_open(struct map_job *j)
{
	struct report_map_result *r = &j->result;
	int ret;

	begin_row(j);
	if (prog_list_owners(&j->t->progs, j->row.id, &r->owners, &r->nowners))
		return err_nomem(j->err);
	if (j->family->why_not)
		return refuse_type(j);
	ret = j->family->describe ? j->family->describe(j) : map_describe_by_btf(j);
	if (ret)
		return ret;
	lay_out(j);
	return fits_directly(j) ? read_directly(j) : read_aside(j);
}

int live_map_capture(struct target *t, const struct map_ref *ref, uint64_t deadline_mono_ns,
		     uint64_t *budget, struct report_builder *rb, struct ksnap_err *err)
{
	struct map_job j = {
		.t = t,
		.rb = rb,
		.budget = budget,
		.err = err,
		.plan = { .deadline_mono_ns = deadline_mono_ns },
	};
	int ret = open_map(&j, ref) ? say_gone(&j, ref) : capture_open(&j);

	buf_fini(&j.beside);
	cleanup_close(&j.plan.fd);
	return ret;
}
