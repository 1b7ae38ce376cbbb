// SPDX-License-Identifier: MIT
/* chase.c - follow pointers, level by level, each address once, within limits.
 *
 * Where a type holds pointers is worked out once a type (its spots). What is found waits in one
 * list: the objects of a level are read in batches, then looked through for the next level.
 */
#include "capture/live/chase.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "capture/live/kernel_read.h"
#include "wire/pack.h"

#define SPOTS_MAX   65536 /* pointers in one value that are followed */
#define SPOTS_DEPTH 32    /* types within each other that are looked into */
#define BATCH       64    /* objects read at once */
#define SEEN_SLOTS  16384 /* a power of two, some times MAX_CHASED */

_Static_assert(LIMIT_MAX_CHASED_OBJECT == KERNEL_READ_MAX, "an object is one read");
_Static_assert(2 * LIMIT_MAX_CHASED <= SEEN_SLOTS, "the set of addresses is never full");

/* A pointer within a value. */
struct spot {
	uint64_t off;
	uint32_t ptr; /* its type's row */
};

/* The spots of a type, within chase.spots. */
struct plan {
	bool is_made;
	uint32_t first, n;
};

struct object {
	uint64_t addr;
	uint32_t type, len;
	size_t data; /* offset within chase.data */
	int error;
};

struct chase {
	struct target *t;
	struct report_builder *rb;
	struct type_table *types;
	struct ksnap_err *err;
	uint64_t deadline_mono_ns;
	size_t first_types; /* types before anything was followed */
	struct buf plans, spots, objects, data;
	size_t nobjects;
	uint64_t cut;      /* objects of which only the begin was kept */
	const char *limit; /* that ended the chase, or NULL */
	uint64_t limit_value;
	bool is_late; /* the deadline passed */
	uint64_t seen[SEEN_SLOTS];
};

static void release(struct chase *c)
{
	buf_fini(&c->plans);
	buf_fini(&c->spots);
	buf_fini(&c->objects);
	buf_fini(&c->data);
	free(c);
}

static bool is_ended(struct chase *c)
{
	if (!c->is_late && clock_mono_ns() >= c->deadline_mono_ns)
		c->is_late = true;
	return c->is_late || c->limit;
}

static void reach(struct chase *c, enum limit_id id)
{
	c->limit = limit_table[id].name;
	c->limit_value = limit_table[id].value;
}

/* ---- where pointers are ---------------------------------------------------------------------- */

static size_t nspots(const struct chase *c)
{
	return c->spots.len / sizeof(struct spot);
}

static void find_spots(struct chase *c, uint32_t type, uint64_t off, size_t max, int depth);

static void find_in_array(struct chase *c, const struct type_row *row, uint64_t off, size_t max,
			  int depth)
{
	uint64_t each = type_size(c->types, row->target);
	size_t before = nspots(c);

	for (uint64_t i = 0; each && i < row->len && nspots(c) < max; i++) {
		find_spots(c, row->target, off + i * each, max, depth);
		if (nspots(c) == before)
			return; /* an element holds none, so none does */
	}
}

static void find_in_members(struct chase *c, const struct type_row *row, uint64_t off, size_t max,
			    int depth)
{
	for (uint32_t i = 0; i < row->nmembers && nspots(c) < max; i++) {
		const struct type_member *m = &row->members[i];

		if (!m->bit_size && m->bit_off % 8 == 0)
			find_spots(c, m->type, off + m->bit_off / 8, max, depth);
	}
}

static void find_spots(struct chase *c, uint32_t type, uint64_t off, size_t max, int depth)
{
	uint32_t index = type_resolve(c->types, type);
	const struct type_row *row = type_at(c->types, index);

	if (depth >= SPOTS_DEPTH || nspots(c) >= max)
		return;
	if (row->kind == TYPE_PTR && row->size == sizeof(uint64_t))
		buf_append(&c->spots, &(struct spot){ off, index }, sizeof(struct spot));
	else if (row->kind == TYPE_ARRAY)
		find_in_array(c, row, off, max, depth + 1);
	else if (row->kind == TYPE_STRUCT || row->kind == TYPE_UNION || row->kind == TYPE_DATASEC)
		find_in_members(c, row, off, max, depth + 1);
}

static int grow_plans(struct chase *c, uint32_t type)
{
	size_t want = (type + 1) * sizeof(struct plan), more = 0;
	uint8_t *room;

	if (want <= c->plans.len)
		return 0;
	more = type_table_len(c->types) * sizeof(struct plan) - c->plans.len;
	room = buf_reserve(&c->plans, more);
	if (!room)
		return err_nomem(c->err);
	memset(room, 0, more);
	buf_commit(&c->plans, more);
	return 0;
}

/* *ret is good until the next call. */
static int plan_of(struct chase *c, uint32_t type, struct plan *ret)
{
	struct plan *p;
	int rc;

	*ret = (struct plan){ 0 };
	if (type >= type_table_len(c->types))
		return 0;
	rc = grow_plans(c, type);
	if (rc)
		return rc;
	p = (struct plan *)c->plans.data + type;
	if (!p->is_made) {
		p->first = nspots(c);
		find_spots(c, type, 0, nspots(c) + SPOTS_MAX, 0);
		p->n = nspots(c) - p->first;
		p->is_made = true;
	}
	*ret = *p;
	return buf_ok(&c->spots) ? 0 : err_nomem(c->err);
}

/* ---- what is found --------------------------------------------------------------------------- */

/* Whether @addr is new; it is not the next time. */
static bool see(struct chase *c, uint64_t addr)
{
	size_t i = (addr * 0x9e3779b97f4a7c15ull) >> 50;

	while (c->seen[i] && c->seen[i] != addr)
		i = (i + 1) % SEEN_SLOTS;
	if (c->seen[i])
		return false;
	c->seen[i] = addr;
	return true;
}

static bool is_seen(const struct chase *c, uint64_t addr)
{
	size_t i = (addr * 0x9e3779b97f4a7c15ull) >> 50;

	while (c->seen[i] && c->seen[i] != addr)
		i = (i + 1) % SEEN_SLOTS;
	return c->seen[i];
}

/* The type that row @ptr points to, put into the table at its first use; TYPE_NONE: not known. */
static int target_of(struct chase *c, uint32_t ptr, uint32_t *ret)
{
	const struct type_row row = *type_at(c->types, ptr);
	int64_t target;

	*ret = row.target;
	if (row.target != TYPE_NONE || !row.btf_id)
		return 0;
	if (type_table_len(c->types) - c->first_types >= LIMIT_MAX_CHASED_TYPES) {
		reach(c, LIMIT_ID_MAX_CHASED_TYPES);
		return 0;
	}
	target = btf_types_pointee(c->t->types, &row, c->types, c->err);
	if (target < 0)
		return target;
	*ret = target;
	type_point_to(c->types, ptr, target);
	return 0;
}

static int add_object(struct chase *c, uint64_t addr, uint32_t type)
{
	uint64_t size = type_size(c->types, type);
	struct object o = { .addr = addr, .type = type, .data = c->data.len };

	if (!size)
		return 0;
	o.len = size < LIMIT_MAX_CHASED_OBJECT ? size : LIMIT_MAX_CHASED_OBJECT;
	if (c->nobjects >= LIMIT_MAX_CHASED)
		reach(c, LIMIT_ID_MAX_CHASED);
	else if (c->data.len + o.len > LIMIT_MAX_CHASED_BYTES)
		reach(c, LIMIT_ID_MAX_CHASED_BYTES);
	if (c->limit || !see(c, addr))
		return 0;
	c->cut += size > o.len;
	if (!buf_reserve(&c->data, o.len) || buf_append(&c->objects, &o, sizeof(o)))
		return err_nomem(c->err);
	buf_commit(&c->data, o.len);
	c->nobjects++;
	return 0;
}

/* Look through one value of @type. */
static int look(struct chase *c, uint32_t type, const uint8_t *data, uint64_t len)
{
	struct plan plan;
	int rc = plan_of(c, type, &plan);

	for (uint32_t i = 0; !rc && i < plan.n && !c->limit; i++) {
		const struct spot spot = ((struct spot *)c->spots.data)[plan.first + i];
		uint32_t target;
		uint64_t addr;

		if (spot.off + sizeof(addr) > len)
			continue;
		memcpy(&addr, data + spot.off, sizeof(addr));
		if (!addr || is_seen(c, addr))
			continue;
		rc = target_of(c, spot.ptr, &target);
		if (!rc && target != TYPE_NONE)
			rc = add_object(c, addr, target);
	}
	if (!rc && plan.n >= SPOTS_MAX && !c->limit)
		reach(c, LIMIT_ID_MAX_CHASED);
	return rc;
}

static int look_through_map(struct chase *c, const struct report_map_view *v)
{
	uint32_t values = v->ncpu ? v->ncpu : 1;
	uint32_t stride = v->ncpu ? v->stride : v->value_size;
	const uint8_t *p = v->vals;
	struct plan plan;
	int rc = plan_of(c, v->vt, &plan);

	if (!plan.n)
		return rc;
	for (uint64_t i = 0; !rc && i < v->count && !is_ended(c); i++)
		for (uint32_t cpu = 0; !rc && cpu < values; cpu++, p += stride)
			rc = look(c, v->vt, p, v->value_size);
	return rc;
}

static int look_through_maps(struct chase *c)
{
	struct report_map_view v;
	int rc = 0;

	for (uint32_t i = 0; !rc && !is_ended(c) && report_map_at(c->rb, i, &v); i++)
		rc = look_through_map(c, &v);
	return rc;
}

/* ---- levels ---------------------------------------------------------------------------------- */

static struct object *object_at(struct chase *c, size_t i)
{
	return (struct object *)c->objects.data + i;
}

/* Objects @from to @to, one batch at a time; *ret_done is where the deadline cut it off. */
static int read_objects(struct chase *c, size_t from, size_t to)
{
	struct kernel_read reads[BATCH];
	size_t n;
	int rc = 0;

	for (; !rc && from < to; from += n) {
		for (n = 0; n < BATCH && from + n < to; n++) {
			const struct object *o = object_at(c, from + n);

			reads[n] = (struct kernel_read){ .addr = o->addr,
							 .len = o->len,
							 .data = c->data.data + o->data };
		}
		rc = kernel_reader_run(c->t->reader, reads, n, c->err);
		for (size_t i = 0; !rc && i < n; i++)
			object_at(c, from + i)->error = reads[i].error;
	}
	return rc;
}

static int look_through_objects(struct chase *c, size_t from, size_t to)
{
	uint8_t copy[LIMIT_MAX_CHASED_OBJECT];
	int rc = 0;

	for (; !rc && from < to && !is_ended(c); from++) {
		const struct object o = *object_at(c, from);

		if (o.error)
			continue;
		memcpy(copy, c->data.data + o.data, o.len); /* data grows under the look */
		rc = look(c, o.type, copy, o.len);
	}
	return rc;
}

static int follow(struct chase *c, unsigned depth)
{
	size_t from = 0, to;
	int rc = look_through_maps(c);

	for (; !rc && depth && from < c->nobjects; depth--, from = to) {
		to = c->nobjects;
		rc = read_objects(c, from, to);
		if (!rc && depth > 1)
			rc = look_through_objects(c, from, to);
	}
	return rc;
}

/* ---- into the report ------------------------------------------------------------------------- */

static const char *read_error(int error)
{
	if (error == ERANGE)
		return "this is no kernel address";
	return error == EFAULT ? "nothing is mapped there" : "it cannot be read";
}

static void pack_object(const struct chase *c, const struct object *o, msgpack_packer *pk)
{
	const char *error = o->error ? read_error(o->error) : NULL;

	msgpack_pack_map(pk, 3 + !!error);
	pack_str(pk, "addr");
	msgpack_pack_uint64(pk, o->addr);
	pack_str(pk, "type");
	msgpack_pack_uint32(pk, o->type);
	pack_str(pk, "data");
	pack_bin(pk, c->data.data + o->data, error ? 0 : o->len);
	if (!error)
		return;
	pack_str(pk, "error");
	pack_str(pk, error);
}

static int write_objects(struct chase *c)
{
	_buf_ struct buf out = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &out);
	msgpack_pack_array(&pk, c->nobjects);
	for (size_t i = 0; i < c->nobjects; i++)
		pack_object(c, object_at(c, i), &pk);
	return report_key(c->rb, "chased", &out, c->err);
}

static int say_limits(struct chase *c)
{
	int rc = 0;

	if (c->limit)
		rc = report_reason(c->rb, "limit", c->limit, UINT64_MAX, c->nobjects,
				   "%s (%llu) was reached: not every pointer was followed; select "
				   "fewer maps or a smaller chase",
				   c->limit, (unsigned long long)c->limit_value);
	if (!rc && c->is_late)
		rc = report_reason(c->rb, "deadline", "chase", UINT64_MAX, c->nobjects,
				   "the deadline passed while pointers were followed");
	if (!rc && c->cut)
		rc = report_reason(c->rb, "limit", "MAX_CHASED_OBJECT", UINT64_MAX, c->cut,
				   "MAX_CHASED_OBJECT (%d bytes) cut the end off %llu objects "
				   "behind pointers",
				   LIMIT_MAX_CHASED_OBJECT, (unsigned long long)c->cut);
	return rc;
}

/* What cannot be followed at all is a reason beside the maps, which are good without it. */
static int say_why_not(struct report_builder *rb, unsigned depth, const struct ksnap_err *why)
{
	return report_reason(rb, why->code == KSNAP_E_DENIED ? "denied" : "unsupported", "chase",
			     depth, 0, "pointers were not followed: %s", why->text);
}

int live_chase(struct target *t, unsigned depth, uint64_t deadline_mono_ns,
	       struct report_builder *rb, struct ksnap_err *err)
{
	struct ksnap_err why = { 0 };
	struct chase *c;
	int rc;

	if (live_need_reader(t, &why))
		return why.code == KSNAP_E_NOMEM ? err_nomem(err) : say_why_not(rb, depth, &why);
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_nomem(err);
	c->t = t;
	c->rb = rb;
	c->types = report_types(rb);
	c->first_types = type_table_len(c->types);
	c->deadline_mono_ns = deadline_mono_ns;
	c->err = &why;
	rc = follow(c, depth);
	if (!rc)
		rc = write_objects(c);
	if (!rc)
		rc = say_limits(c);
	else
		rc = why.code == KSNAP_E_NOMEM ? err_nomem(err) : say_why_not(rb, depth, &why);
	release(c);
	return rc;
}
