// SPDX-License-Identifier: MIT
/* builder.c - the report's bytes, in order, with counts patched in behind. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "report/bufpool.h"
#include "report/builder.h"
#include "wire/emit.h"
#include "wire/pack.h"

#define VALS_HEAD 10 /* str "vals" and the header of a bin32 */
#define BIN32     0xc6
#define NO_OFFSET SIZE_MAX

/* The map that is begun and not yet ended. */
struct open_map {
	bool is_open;
	size_t start;                        /* of its row; also of what cancel cuts off */
	size_t count, complete;              /* offsets of what is patched */
	size_t bins;                         /* offset of the header of keys */
	uint64_t room, key_bytes, val_bytes; /* bytes: of one entry */
	unsigned nkeys;                      /* of the row, so far */
	uint64_t mono;
	char name[32];
	struct report_map_view view; /* vals NULL */
};

/* A map that ended. */
struct done_map {
	struct report_map_view view; /* vals NULL */
	size_t vals;                 /* offset of its values */
};

struct report_builder {
	struct bufpool *pool;
	struct type_table *types;
	struct buf out;
	struct buf reasons; /* encoded, without a header */
	struct buf done;    /* struct done_map each */
	bool is_begun, is_complete, is_placeholder;
	size_t placeholder, complete, mono1, nmaps_at, nprogs_at; /* offsets of what is patched */
	uint32_t nmaps, nprogs, nkeys, nreasons, nreasons_dropped, npartial;
	struct open_map map;
};

struct report_builder *report_builder_create(struct ksnap_err *err)
{
	struct report_builder *rb = calloc(1, sizeof(*rb));

	if (rb) {
		rb->pool = bufpool_create();
		rb->types = type_table_create(NULL);
		if (rb->pool && rb->types)
			return rb;
	}
	err_nomem(err);
	report_builder_destroy(rb);
	return NULL;
}

void report_builder_destroy(struct report_builder *rb)
{
	int saved = errno;

	if (!rb)
		return;
	buf_fini(&rb->out);
	buf_fini(&rb->reasons);
	buf_fini(&rb->done);
	type_table_destroy(rb->types);
	bufpool_destroy(rb->pool);
	free(rb);
	errno = saved;
}

struct type_table *report_types(struct report_builder *rb)
{
	return rb->types;
}

/* ---- patches ------------------------------------------------------------------------------- */

static void put_be(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = v >> (8 * (bytes - 1 - i));
}

/* Append @tag and @bytes zeroes to be patched; the offset of the zeroes. */
static size_t hold(struct buf *b, uint8_t tag, unsigned bytes)
{
	uint8_t room[9] = { tag };

	buf_append(b, room, 1 + bytes);
	return b->len - bytes;
}

static size_t hold_map16(struct buf *b)
{
	return hold(b, 0xde, 2);
}

static size_t hold_array32(struct buf *b)
{
	return hold(b, 0xdd, 4);
}

static size_t hold_uint64(struct buf *b)
{
	return hold(b, 0xcf, 8);
}

static size_t hold_bool(struct buf *b)
{
	return hold(b, 0xc2, 0) - 1;
}

static void patch(struct buf *b, size_t offset, uint64_t v, unsigned bytes)
{
	if (buf_ok(b))
		put_be(b->data + offset, v, bytes);
}

static void patch_bool(struct buf *b, size_t offset, bool v)
{
	patch(b, offset, v ? 0xc3 : 0xc2, 1);
}

/* ---- the top ------------------------------------------------------------------------------- */

static void pack_key_str(struct buf *b, const char *key, const char *value)
{
	emit_str(b, key);
	emit_str(b, value ? value : "");
}

static void pack_key_uint(struct buf *b, const char *key, uint64_t value)
{
	emit_str(b, key);
	emit_uint(b, value);
}

static bool is_little_endian(const struct report_info *info)
{
	return (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) != info->swapped_endian;
}

static void pack_target(struct buf *b, const struct report_info *info)
{
	emit_str(b, "target");
	emit_map(b, 7);
	pack_key_str(b, "kind", info->target_kind);
	pack_key_str(b, "name", info->target_name);
	pack_key_str(b, "host", info->host);
	pack_key_str(b, "kernel", info->kernel);
	pack_key_str(b, "boot_id", info->boot_id);
	emit_str(b, "little_endian");
	emit_bool(b, is_little_endian(info));
	pack_key_uint(b, "cpus", info->cpus);
}

static void pack_cause(struct buf *b, const struct report_info *info, uint64_t mono0)
{
	pack_key_str(b, "cause", info->cause);
	pack_key_uint(b, "missed", info->missed);
	if (info->hit_mono_ns)
		pack_key_uint(b, "latency_ns",
			      mono0 > info->hit_mono_ns ? mono0 - info->hit_mono_ns : 0);
}

static void pack_trigger(struct buf *b, const struct report_info *info, uint64_t mono0)
{
	emit_str(b, "trigger");
	emit_map(b, 1 + (info->cause ? 2 + !!info->hit_mono_ns : 0) + info->has_step);
	pack_key_str(b, "kind", info->trigger ? info->trigger : "op");
	if (info->cause)
		pack_cause(b, info, mono0);
	if (info->has_step)
		pack_key_uint(b, "step", info->step);
}

/* Offset of the count of the top-level map. */
#define TOP_COUNT 1

static void pack_top(struct report_builder *rb, const struct report_info *info)
{
	struct buf *b = &rb->out;
	uint64_t mono0 = clock_mono_ns();

	hold_map16(&rb->out);
	pack_key_str(b, "schema", REPORT_SCHEMA);
	emit_str(b, "placeholder");
	rb->placeholder = hold_bool(&rb->out);
	emit_str(b, "complete");
	rb->complete = hold_bool(&rb->out);
	pack_key_str(b, "tag", info->tag);
	pack_target(b, info);
	emit_str(b, "ts");
	emit_int(b, clock_real_ns());
	pack_key_uint(b, "mono0", mono0);
	emit_str(b, "mono1");
	rb->mono1 = hold_uint64(&rb->out);
	pack_trigger(b, info, mono0);
	pack_key_str(b, "consistency", info->consistency ? info->consistency : "running");
	emit_str(b, "maps");
	rb->nmaps_at = hold_array32(&rb->out);
}

int report_begin(struct report_builder *rb, const struct report_info *info, struct ksnap_err *err)
{
	buf_clear(&rb->out);
	buf_clear(&rb->reasons);
	buf_clear(&rb->done);
	type_table_clear(rb->types);
	if (!rb->out.data)
		bufpool_take(rb->pool, &rb->out);
	rb->nmaps = rb->nprogs = rb->nkeys = 0;
	rb->nreasons = rb->nreasons_dropped = rb->npartial = 0;
	rb->nprogs_at = NO_OFFSET;
	rb->is_complete = true;
	rb->is_placeholder = false;
	rb->map.is_open = false;
	pack_top(rb, info);
	rb->is_begun = buf_ok(&rb->out);
	return rb->is_begun ? 0 : err_nomem(err);
}

static int check_open(const struct report_builder *rb, struct ksnap_err *err)
{
	if (!rb->is_begun)
		return err_set(err, KSNAP_E_STATE, "no report is begun");
	if (rb->map.is_open)
		return err_set(err, KSNAP_E_STATE, "map '%s' is begun and not ended", rb->map.name);
	return buf_ok(&rb->out) ? 0 : err_nomem(err);
}

/* Lists are written in place, so nothing can be added to them behind a later key. */
static int check_lists(const struct report_builder *rb, struct ksnap_err *err)
{
	if (rb->is_begun && rb->nkeys)
		return err_set(err, KSNAP_E_STATE, "maps and programs come before other keys");
	return check_open(rb, err);
}

/* ---- maps ---------------------------------------------------------------------------------- */

static int check_row(const struct report_map_row *row, uint64_t room, uint64_t key_bytes,
		     uint64_t val_bytes, struct ksnap_err *err)
{
	uint64_t most = key_bytes > val_bytes ? key_bytes : val_bytes, total;

	if (row->ncpu && row->stride < row->value_size)
		return err_set(err, KSNAP_E_ARG,
			       "map '%s': a stride of %u is below its value_size of %u", row->name,
			       row->stride, row->value_size);
	if (__builtin_mul_overflow(room, most, &total) || total > UINT32_MAX)
		return err_set(
			err, KSNAP_E_LIMIT,
			"map '%s' (id %u): %llu entries of %llu bytes pass the 4 GiB that the keys "
			"or values of one map may have in a report",
			row->name, row->id, (unsigned long long)room, (unsigned long long)most);
	return 0;
}

static void pack_row(struct report_builder *rb, const struct report_map_row *row)
{
	struct buf *b = &rb->out;
	struct open_map *m = &rb->map;

	hold_map16(&rb->out);
	pack_key_uint(b, "id", row->id);
	pack_key_str(b, "name", row->name);
	pack_key_str(b, "type", row->type);
	pack_key_uint(b, "flags", row->flags);
	pack_key_uint(b, "key_size", row->key_size);
	pack_key_uint(b, "value_size", row->value_size);
	pack_key_uint(b, "max_entries", row->max_entries);
	emit_str(b, "count");
	m->count = hold_uint64(&rb->out);
	emit_str(b, "complete");
	m->complete = hold_bool(&rb->out);
	m->nkeys = 9;
	if (row->kt != TYPE_NONE && ++m->nkeys)
		pack_key_uint(b, "kt", row->kt);
	if (row->vt != TYPE_NONE && ++m->nkeys)
		pack_key_uint(b, "vt", row->vt);
	if (row->ncpu) {
		m->nkeys += 2;
		pack_key_uint(b, "ncpu", row->ncpu);
		pack_key_uint(b, "stride", row->stride);
	}
	m->nkeys += 2;
	emit_str(b, "keys");
}

/* The header of keys, room, the header of vals, room; none of it counted in out.len yet. */
static uint8_t *reserve_bins(struct report_builder *rb)
{
	struct open_map *m = &rb->map;
	uint64_t keys = m->room * m->key_bytes, vals = m->room * m->val_bytes;

	m->bins = rb->out.len;
	return buf_ok(&rb->out) ? buf_reserve(&rb->out, 5 + keys + VALS_HEAD + vals) : NULL;
}

static void write_bin_heads(uint8_t *p, uint64_t keys, uint64_t vals)
{
	p[0] = BIN32;
	put_be(p + 1, keys, 4);
	p += 5 + keys;
	memcpy(p, "\xa4vals", 5);
	p[5] = BIN32;
	put_be(p + 6, vals, 4);
}

int report_map_begin(struct report_builder *rb, const struct report_map_row *row, uint64_t room,
		     uint8_t **ret_keys, uint8_t **ret_vals, struct ksnap_err *err)
{
	uint64_t key_bytes = row->no_keys ? 0 : row->key_size;
	uint64_t val_bytes = row->ncpu ? (uint64_t)row->ncpu * row->stride : row->value_size;
	struct open_map *m = &rb->map;
	uint8_t *p;
	int rc = check_lists(rb, err);

	if (!rc)
		rc = check_row(row, room, key_bytes, val_bytes, err);
	if (rc)
		return rc;
	*m = (struct open_map){ .is_open = true,
				.start = rb->out.len,
				.room = room,
				.key_bytes = key_bytes,
				.val_bytes = val_bytes };
	snprintf(m->name, sizeof(m->name), "%s", row->name);
	m->view = (struct report_map_view){ .vt = row->vt,
					    .value_size = row->value_size,
					    .ncpu = row->ncpu,
					    .stride = row->stride };
	pack_row(rb, row);
	p = reserve_bins(rb);
	if (!p) {
		report_map_cancel(rb);
		return err_nomem(err);
	}
	write_bin_heads(p, room * key_bytes, room * val_bytes);
	if (ret_keys)
		*ret_keys = row->no_keys ? NULL : p + 5;
	*ret_vals = p + 5 + room * key_bytes + VALS_HEAD;
	m->mono = clock_mono_ns();
	return 0;
}

void report_map_cancel(struct report_builder *rb)
{
	if (!rb->map.is_open)
		return;
	rb->map.is_open = false;
	rb->out.len = rb->map.start;
	rb->out.failed = false; /* what did not fit is cut off with the rest */
	rb->done.failed = false;
}

static void close_bins(struct report_builder *rb, uint64_t count)
{
	struct open_map *m = &rb->map;
	uint64_t keys = count * m->key_bytes, vals = count * m->val_bytes;
	uint8_t *p = rb->out.data + m->bins;

	if (count < m->room)
		memmove(p + 5 + keys + VALS_HEAD, p + 5 + m->room * m->key_bytes + VALS_HEAD, vals);
	write_bin_heads(p, keys, vals);
	buf_commit(&rb->out, 5 + keys + VALS_HEAD + vals);
}

static void note_done(struct report_builder *rb, uint64_t count)
{
	struct open_map *m = &rb->map;
	struct done_map done = { m->view, m->bins + 5 + count * m->key_bytes + VALS_HEAD };

	done.view.count = count;
	rb->done.len = rb->nmaps * sizeof(done); /* of a map that was cancelled nothing stays */
	buf_append(&rb->done, &done, sizeof(done));
}

bool report_map_at(const struct report_builder *rb, uint32_t i, struct report_map_view *ret)
{
	const struct done_map *done = (const struct done_map *)rb->done.data + i;

	if (i >= rb->nmaps)
		return false;
	*ret = done->view;
	ret->vals = rb->out.data + done->vals;
	return true;
}

static unsigned pack_optional(struct buf *b, const char *key, uint64_t v)
{
	if (v)
		pack_key_uint(b, key, v);
	return v != 0;
}

static void pack_ids(struct buf *b, const char *key, const uint32_t *ids, size_t n)
{
	emit_str(b, key);
	emit_list(b, n);
	for (size_t i = 0; i < n; i++)
		emit_uint(b, ids[i]);
}

static void pack_ring(struct buf *b, const struct report_ring *r)
{
	emit_str(b, "ringbuf");
	emit_map(b, 4);
	pack_key_uint(b, "capacity", r->capacity);
	pack_key_uint(b, "producer", r->producer);
	pack_key_uint(b, "consumer", r->consumer);
	pack_key_uint(b, "pending", r->producer - r->consumer);
}

static void pack_symbols(struct buf *b, const struct report_symbol *s, size_t n)
{
	emit_str(b, "symbols");
	emit_list(b, n);
	for (size_t i = 0; i < n; i++) {
		emit_map(b, 3);
		pack_key_uint(b, "addr", s[i].addr);
		pack_key_str(b, "name", s[i].name);
		pack_key_uint(b, "off", s[i].off);
	}
}

/* What only some types of maps have. */
static unsigned pack_row_own(struct buf *b, const struct report_map_result *res)
{
	if (res->inner)
		pack_ids(b, "inner", res->inner, res->ninner);
	if (res->ring)
		pack_ring(b, res->ring);
	if (res->nsymbols)
		pack_symbols(b, res->symbols, res->nsymbols);
	return !!res->inner + !!res->ring + !!res->nsymbols;
}

static void pack_row_end(struct report_builder *rb, const struct report_map_result *res)
{
	struct buf *b = &rb->out;
	unsigned n = 2;

	pack_key_uint(b, "mono", rb->map.mono);
	pack_key_uint(b, "mono_end", clock_mono_ns());
	n += pack_optional(b, "restarts", res->restarts);
	n += pack_optional(b, "duplicates", res->duplicates);
	n += pack_optional(b, "missing", res->missing);
	if (res->nowners && ++n)
		pack_ids(b, "owners", res->owners, res->nowners);
	n += pack_row_own(b, res);
	if (res->error && ++n)
		pack_key_str(b, "error", res->error);
	rb->map.nkeys += n;
}

int report_map_end(struct report_builder *rb, const struct report_map_result *res,
		   struct ksnap_err *err)
{
	struct open_map *m = &rb->map;
	bool is_complete = res->complete && !res->error;

	if (!m->is_open)
		return err_set(err, KSNAP_E_STATE, "no map is begun");
	if (res->count > m->room)
		return err_set(err, KSNAP_E_ARG, "map '%s': %llu entries in room for %llu", m->name,
			       (unsigned long long)res->count, (unsigned long long)m->room);
	close_bins(rb, res->count);
	note_done(rb, res->count);
	pack_row_end(rb, res);
	if (!buf_ok(&rb->out) || !buf_ok(&rb->done)) {
		report_map_cancel(rb);
		return err_nomem(err);
	}
	patch(&rb->out, m->start + 1, m->nkeys, 2);
	patch(&rb->out, m->count, res->count, 8);
	patch_bool(&rb->out, m->complete, is_complete);
	m->is_open = false;
	rb->nmaps++;
	rb->npartial += !is_complete;
	rb->is_complete &= is_complete;
	return 0;
}

/* ---- programs ------------------------------------------------------------------------------ */

int report_progs(struct report_builder *rb, struct ksnap_err *err)
{
	int rc = check_lists(rb, err);

	if (rc || rb->nprogs_at != NO_OFFSET)
		return rc;
	emit_str(&rb->out, "progs");
	rb->nprogs_at = hold_array32(&rb->out);
	return buf_ok(&rb->out) ? 0 : err_nomem(err);
}

int report_prog(struct report_builder *rb, const struct report_prog_row *row, struct ksnap_err *err)
{
	struct buf *b = &rb->out;
	int rc = report_progs(rb, err);

	if (rc)
		return rc;
	emit_map(b, 7);
	pack_key_uint(b, "id", row->id);
	pack_key_str(b, "name", row->name);
	pack_key_str(b, "type", row->type);
	pack_key_str(b, "tag", row->tag);
	pack_key_uint(b, "run_cnt", row->run_cnt);
	pack_key_uint(b, "run_time_ns", row->run_time_ns);
	pack_ids(b, "maps", row->maps, row->nmaps);
	rb->nprogs++;
	return buf_ok(&rb->out) ? 0 : err_nomem(err);
}

int report_key(struct report_builder *rb, const char *key, const struct buf *value,
	       struct ksnap_err *err)
{
	int rc = check_open(rb, err);

	if (rc)
		return rc;
	emit_str(&rb->out, key);
	buf_append(&rb->out, value->data, value->len);
	rb->nkeys++;
	return buf_ok(value) && buf_ok(&rb->out) ? 0 : err_nomem(err);
}

/* ---- reasons ------------------------------------------------------------------------------- */

static void pack_reason(struct report_builder *rb, const char *code, const char *subject,
			uint64_t expected, uint64_t got, const char *text)
{
	struct buf *b = &rb->reasons;
	bool has_expected = expected != UINT64_MAX, has_got = got != UINT64_MAX;

	emit_map(b, 2 + !!subject + has_expected + has_got);
	pack_key_str(b, "code", code);
	if (subject)
		pack_key_str(b, "subject", subject);
	if (has_expected)
		pack_key_uint(b, "expected", expected);
	if (has_got)
		pack_key_uint(b, "got", got);
	pack_key_str(b, "text", text);
	rb->nreasons++;
}

int report_reason(struct report_builder *rb, const char *code, const char *subject,
		  uint64_t expected, uint64_t got, const char *fmt, ...)
{
	char text[KSNAP_ERR_TEXT];
	va_list ap;

	rb->is_complete = false;
	if (rb->nreasons >= REPORT_REASONS_MAX - 1) {
		rb->nreasons_dropped++;
		return 0;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pack_reason(rb, code, subject, expected, got, text);
	return buf_ok(&rb->reasons) ? 0 : KSNAP_E_NOMEM;
}

/* A report that is not complete always says why. */
static void pack_last_reason(struct report_builder *rb)
{
	char text[96];

	if (rb->nreasons_dropped) {
		snprintf(text, sizeof(text), "%u further reasons are left out",
			 rb->nreasons_dropped);
		pack_reason(rb, "more", NULL, rb->nreasons + rb->nreasons_dropped, rb->nreasons,
			    text);
	} else if (!rb->is_complete && !rb->nreasons) {
		snprintf(text, sizeof(text), "%u of %u maps are not complete", rb->npartial,
			 rb->nmaps);
		pack_reason(rb, "map_partial", NULL, rb->nmaps, rb->nmaps - rb->npartial, text);
	}
}

/* ---- the end ------------------------------------------------------------------------------- */

static void append_reasons(const struct report_builder *rb, struct buf *to)
{
	size_t at = hold_array32(to);

	buf_append(to, rb->reasons.data, rb->reasons.len);
	patch(to, at, rb->nreasons, 4);
}

static void patch_top(struct report_builder *rb)
{
	struct buf *out = &rb->out;
	bool has_progs = rb->nprogs_at != NO_OFFSET;

	patch(out, TOP_COUNT, 13 + has_progs + rb->nkeys, 2);
	patch_bool(out, rb->placeholder, rb->is_placeholder);
	patch_bool(out, rb->complete, rb->is_complete);
	patch(out, rb->mono1, clock_mono_ns(), 8);
	patch(out, rb->nmaps_at, rb->nmaps, 4);
	if (has_progs)
		patch(out, rb->nprogs_at, rb->nprogs, 4);
}

struct ksnap_blob *report_finish(struct report_builder *rb, struct report_summary *ret,
				 struct buf *reasons, struct ksnap_err *err)
{
	struct ksnap_blob *blob;
	msgpack_packer pk;

	if (check_open(rb, err))
		return NULL;
	rb->is_begun = false;
	pack_last_reason(rb);
	emit_str(&rb->out, "types");
	pack_init(&pk, &rb->out);
	if (type_table_encode(rb->types, &pk))
		rb->out.failed = true;
	emit_str(&rb->out, "reasons");
	append_reasons(rb, &rb->out);
	patch_top(rb);
	if (reasons)
		append_reasons(rb, reasons);
	if (!buf_ok(&rb->reasons) || (reasons && !buf_ok(reasons))) {
		err_nomem(err);
		return NULL;
	}
	blob = bufpool_blob(rb->pool, &rb->out);
	if (!blob)
		err_nomem(err);
	else if (ret)
		*ret = (struct report_summary){ rb->nmaps, rb->is_complete, rb->is_placeholder };
	return blob;
}

struct ksnap_blob *report_placeholder(struct report_builder *rb, const struct report_info *info,
				      const char *code, const char *text, struct ksnap_err *err)
{
	if (report_begin(rb, info, err))
		return NULL;
	rb->is_placeholder = true;
	if (report_reason(rb, code, NULL, UINT64_MAX, UINT64_MAX, "%s", text)) {
		err_nomem(err);
		return NULL;
	}
	return report_finish(rb, NULL, NULL, err);
}
