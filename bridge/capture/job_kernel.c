// SPDX-License-Identifier: MIT
/* job_kernel.c - entries of a kernel op, one after the other, through the target's read and write.
 */
#include "capture/job_kernel.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "capture/job_freeze.h"
#include "wire/pack.h"
#include "wire/shapes.h"

_Static_assert(KERNEL_OP_MAX == LIMIT_MAX_KERNEL_OP, "one limit, two names");

static void release_arena(struct wire_arena *a)
{
	wire_arena_fini(a);
}

#define _arena_    __attribute__((cleanup(release_arena)))
#define _unpacked_ __attribute__((cleanup(msgpack_unpacked_destroy)))

/* ---- what an entry says ---------------------------------------------------------------------- */

/* A place with the memory it points into. */
struct place {
	struct kernel_at at;
	char *text;
};

static void place_fini(struct place *p)
{
	free(p->text);
}

#define _place_ __attribute__((cleanup(place_fini)))

static int refuse(struct ksnap_err *err, const char *what)
{
	return err_set(err, KSNAP_E_ARG, "%s", what);
}

/* Strings of params have been checked to have no NUL. */
static int copy_text(struct place *p, const char *text, size_t len, const char **ret,
		     struct ksnap_err *err)
{
	if (!len)
		return refuse(err, "at: a name is missing");
	p->text = strndup(text, len);
	*ret = p->text;
	return p->text ? 0 : err_nomem(err);
}

static int read_place(struct wire_slice at, struct place *ret, struct ksnap_err *err)
{
	_unpacked_ msgpack_unpacked u;
	struct wire_kernel_task task;
	size_t off = 0;
	int code;

	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, at.p, at.len, &off) != MSGPACK_UNPACK_SUCCESS)
		return refuse(err, "at: cannot be read");
	if (u.data.type == MSGPACK_OBJECT_STR)
		return copy_text(ret, u.data.via.str.ptr, u.data.via.str.size, &ret->at.symbol,
				 err);
	if (u.data.type != MSGPACK_OBJECT_MAP)
		return refuse(err, "at: is a symbol, or {task, start_time, field}");
	code = wire_decode(&wire_shape_kernel_task, at.p, at.len, WIRE_REFUSE_UNKNOWN, NULL, &task,
			   err);
	if (code)
		return code;
	ret->at.task = task.task;
	ret->at.has_start_time = task.has_start_time;
	ret->at.start_time = task.start_time;
	return copy_text(ret, task.field.p, task.field.len, &ret->at.field, err);
}

static int read_width(struct wire_slice width, struct kernel_width *ret, struct ksnap_err *err)
{
	_unpacked_ msgpack_unpacked u;
	struct wire_kernel_bytes bytes;
	size_t off = 0;
	uint64_t n;
	int code;

	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, width.p, width.len, &off) != MSGPACK_UNPACK_SUCCESS)
		return refuse(err, "width: cannot be read");
	if (u.data.type == MSGPACK_OBJECT_MAP) {
		code = wire_decode(&wire_shape_kernel_bytes, width.p, width.len,
				   WIRE_REFUSE_UNKNOWN, NULL, &bytes, err);
		*ret = (struct kernel_width){ code ? 0 : bytes.bytes, false };
		return code;
	}
	n = u.data.type == MSGPACK_OBJECT_POSITIVE_INTEGER ? u.data.via.u64 : 0;
	if (n != 1 && n != 2 && n != 4 && n != 8)
		return refuse(err, "width: is 1, 2, 4, 8, or {bytes = n}");
	*ret = (struct kernel_width){ n, true };
	return 0;
}

static int read_mask(struct wire_slice value, struct kernel_value *ret, struct ksnap_err *err)
{
	struct wire_kernel_mask mask;
	int code = wire_decode(&wire_shape_kernel_mask, value.p, value.len, WIRE_REFUSE_UNKNOWN,
			       NULL, &mask, err);

	*ret = (struct kernel_value){ .kind = KERNEL_OR, .number = code ? 0 : mask.or };
	return code;
}

/* @u keeps what the value points into. */
static int read_value(struct wire_slice value, bool cold, msgpack_unpacked *u,
		      struct kernel_value *ret, struct ksnap_err *err)
{
	const msgpack_object *o = &u->data;
	size_t off = 0;

	if (msgpack_unpack_next(u, value.p, value.len, &off) != MSGPACK_UNPACK_SUCCESS)
		return refuse(err, "value: cannot be read");
	switch (o->type) {
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		*ret = (struct kernel_value){ .kind = KERNEL_UINT, .number = o->via.u64 };
		return 0;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		*ret = (struct kernel_value){ .kind = KERNEL_INT, .number = o->via.i64 };
		return 0;
	case MSGPACK_OBJECT_BIN:
		*ret = (struct kernel_value){ .kind = KERNEL_BYTES,
					      .bytes = (const uint8_t *)o->via.bin.ptr,
					      .len = o->via.bin.size };
		return o->via.bin.size ? 0 : refuse(err, "value: has no bytes");
	case MSGPACK_OBJECT_MAP:
		if (!cold)
			return refuse(err, "value: {or = mask} is for write_kernel_cold only, "
					   "which holds a cgroup still (freeze)");
		return read_mask(value, ret, err);
	default:
		return refuse(err, "value: is a number, bytes, or {or = mask}");
	}
}

/* ---- standing still -------------------------------------------------------------------------- */

static bool is_cold(const struct job *job)
{
	return wire_slice_is(job->op, "read_kernel_cold") ||
	       wire_slice_is(job->op, "write_kernel_cold");
}

/* A target that was stopped as a whole for one job. */
struct halted {
	struct bench *bench; /* NULL: it was not */
};

static void halted_end(struct halted *h)
{
	struct ksnap_err err = { 0 };

	if (h->bench && h->bench->ops->resume(h->bench->target, &err))
		log_warn("target %s: %s", h->bench->target_name, err.text);
}

#define _halted_ __attribute__((cleanup(halted_end)))

static int halt(struct bench *b, struct halted *ret, struct ksnap_err *err)
{
	int code = b->ops->halt(b->target, err);

	if (!code)
		ret->bench = b;
	return code;
}

static int stand_still(struct bench *b, const struct job *job, bool has_freeze,
		       struct wire_slice freeze, struct standstill *ret, struct halted *ret_halted,
		       struct ksnap_err *err)
{
	if (!is_cold(job))
		return 0;
	if (has_freeze)
		return standstill_begin(b, job, freeze, ret, err);
	if (b->ops->stands_still)
		return 0;
	if (b->ops->halt)
		return halt(b, ret_halted, err);
	return err_set(err, KSNAP_E_ARG,
		       "freeze: is missing: target %s cannot stand still as a whole, name a cgroup "
		       "whose tasks do meanwhile",
		       b->ops->kind);
}

/* Which entry failed, and how many were done: for programs beside the text. */
static int at_entry(struct job_result *res, size_t i, size_t n, struct ksnap_err *why,
		    struct ksnap_err *err)
{
	msgpack_packer pk;

	pack_init(&pk, &res->detail);
	msgpack_pack_map(&pk, 2);
	pack_str(&pk, "entry");
	msgpack_pack_uint64(&pk, i);
	pack_str(&pk, "written");
	msgpack_pack_uint64(&pk, i);
	if (n == 1)
		return err_set(err, why->code, "%s", why->text);
	return err_set(err, why->code, "entry %zu of %zu: %.*s", i + 1, n, KSNAP_ERR_TEXT - 48,
		       why->text);
}

static int refuse_slot(const struct bench *b, const struct job *job, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_UNSUPPORTED, "target %s cannot do %.*s: %s", b->ops->kind,
		       (int)job->op.len, job->op.p,
		       b->ops->why_not ? b->ops->why_not : "no such function");
}

/* ---- reading --------------------------------------------------------------------------------- */

static void pack_value(msgpack_packer *pk, const struct kernel_value *v)
{
	if (v->kind == KERNEL_BYTES)
		pack_bin(pk, v->bytes, v->len);
	else if (v->kind == KERNEL_INT)
		msgpack_pack_int64(pk, (int64_t)v->number);
	else
		msgpack_pack_uint64(pk, v->number);
}

/* Append the encoded value to @to. */
static int read_entry(struct bench *b, const struct wire_read_entry *e, struct buf *to,
		      uint64_t *budget, struct ksnap_err *err)
{
	_place_ struct place place = { 0 };
	_buf_ struct buf room = BUF_INIT;
	struct kernel_width width = { 0 };
	struct kernel_value value;
	msgpack_packer pk;
	int ret = read_place(e->at, &place, err);

	if (!ret && e->has_width)
		ret = read_width(e->width, &width, err);
	if (!ret)
		ret = b->ops->read(b->target, &place.at, width, &room, &value, err);
	if (ret)
		return ret;
	if (value.len > *budget)
		return err_set(
			err, KSNAP_E_LIMIT,
			"all values together have more than MAX_KERNEL_OP, %u bytes: ask for "
			"fewer at once",
			KERNEL_OP_MAX);
	*budget -= value.len;
	pack_init(&pk, to);
	pack_value(&pk, &value);
	return buf_ok(to) ? 0 : err_nomem(err);
}

/* {value} of one, {value, values} of a list. */
static int encode_values(const struct buf *values, size_t first, size_t n, bool is_list,
			 struct job_result *res, struct ksnap_err *err)
{
	msgpack_packer pk;

	pack_init(&pk, &res->r);
	msgpack_pack_map(&pk, is_list ? 2 : 1);
	pack_str(&pk, "value");
	buf_append(&res->r, values->data, first);
	if (is_list) {
		pack_str(&pk, "values");
		msgpack_pack_array(&pk, n);
		buf_append(&res->r, values->data, values->len);
	}
	return buf_ok(&res->r) ? 0 : err_nomem(err);
}

static int read_entries(struct bench *b, const struct wire_read_entry *e, size_t n, bool is_list,
			struct job_result *res, struct ksnap_err *err)
{
	_buf_ struct buf values = BUF_INIT;
	uint64_t budget = KERNEL_OP_MAX;
	struct ksnap_err why = { 0 };
	size_t first = 0;

	for (size_t i = 0; i < n; i++) {
		if (read_entry(b, &e[i], &values, &budget, &why))
			return at_entry(res, i, n, &why, err);
		if (!i)
			first = values.len;
	}
	return encode_values(&values, first, n, is_list, res, err);
}

int job_read_kernel(struct bench *b, const struct job *job, struct job_result *res,
		    struct ksnap_err *err)
{
	_arena_ struct wire_arena arena = { 0 };
	_standstill_ struct standstill still = { 0 };
	_halted_ struct halted halted = { 0 };
	struct wire_read_kernel_cold_params p;
	struct wire_read_entry one;
	int ret;

	if (!b->ops->read)
		return refuse_slot(b, job, err);
	ret = wire_decode(&wire_shape_read_kernel_cold_params, job->params.p, job->params.len,
			  WIRE_SKIP_UNKNOWN, &arena, &p, err);
	if (!ret && p.has_at == p.has_entries)
		ret = refuse(err, "at: give either at or entries");
	if (!ret && p.has_entries && p.has_width)
		ret = refuse(err, "width: each of the entries has its own");
	if (!ret)
		ret = stand_still(b, job, p.has_freeze, p.freeze, &still, &halted, err);
	if (ret)
		return ret;
	one = (struct wire_read_entry){
		.at = p.at, .has_at = true, .width = p.width, .has_width = p.has_width
	};
	return read_entries(b, p.has_at ? &one : p.entries.items, p.has_at ? 1 : p.entries.n,
			    !p.has_at, res, err);
}

/* ---- writing --------------------------------------------------------------------------------- */

static int write_entry(struct bench *b, const struct wire_write_entry *e, bool cold,
		       struct ksnap_err *err)
{
	_place_ struct place place = { 0 };
	_unpacked_ msgpack_unpacked u;
	struct kernel_width width = { 0 };
	struct kernel_value value;
	int ret;

	msgpack_unpacked_init(&u);
	ret = read_place(e->at, &place, err);
	if (!ret && place.at.field && !place.at.has_start_time)
		ret = refuse(err,
			     "at: start_time is missing: a write must not meet another task that "
			     "has the id by now");
	if (!ret && e->has_width)
		ret = read_width(e->width, &width, err);
	if (!ret)
		ret = read_value(e->value, cold, &u, &value, err);
	return ret ? ret : b->ops->write(b->target, &place.at, width, &value, err);
}

static int write_entries(struct bench *b, const struct wire_list *list, bool cold,
			 struct job_result *res, struct ksnap_err *err)
{
	const struct wire_write_entry *e = list->items;
	struct wire_write_kernel_cold_reply out = { .written = list->n };
	struct ksnap_err why = { 0 };

	for (size_t i = 0; i < list->n; i++)
		if (write_entry(b, &e[i], cold, &why))
			return at_entry(res, i, list->n, &why, err);
	return wire_encode(&wire_shape_write_kernel_cold_reply, &out, &res->r) ? err_nomem(err) : 0;
}

int job_write_kernel(struct bench *b, const struct job *job, struct job_result *res,
		     struct ksnap_err *err)
{
	_arena_ struct wire_arena arena = { 0 };
	_standstill_ struct standstill still = { 0 };
	_halted_ struct halted halted = { 0 };
	struct wire_write_kernel_cold_params p;
	int ret;

	if (!b->ops->write)
		return refuse_slot(b, job, err);
	if (!b->allow_writes)
		return err_set(err, KSNAP_E_DENIED,
			       "the worker of target %s was started without --allow-writes",
			       b->target_name);
	ret = wire_decode(&wire_shape_write_kernel_cold_params, job->params.p, job->params.len,
			  WIRE_SKIP_UNKNOWN, &arena, &p, err);
	if (!ret)
		ret = stand_still(b, job, p.has_freeze, p.freeze, &still, &halted, err);
	return ret ? ret : write_entries(b, &p.entries, is_cold(job), res, err);
}
