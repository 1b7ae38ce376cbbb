// SPDX-License-Identifier: MIT
/* kernel_op.c - find the bytes, by whichever way the symbol's form needs, and read or write them.
 */
#include "capture/live/kernel_op.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/btf_path.h"
#include "capture/live/bpf_place.h"
#include "capture/live/kernel_read.h"
#include "capture/live/live.h"
#include "capture/live/per_cpu.h"
#include "capture/live/task_field.h"
#include "capture/symbol.h"

/* Where the bytes are, and what BTF says of them; size 0: nothing. */
struct spot {
	enum spot_kind { IN_MAP, AT_ADDRESS, IN_TASK } kind;
	struct bpf_place place; /* IN_MAP */
	uint64_t addr;          /* AT_ADDRESS: that btf counts from */
	struct task_name task;  /* IN_TASK */
	struct btf_spot btf;
	const char *name; /* for people */
};

/* ---- finding --------------------------------------------------------------------------------- */

static int find_kernel_symbol(struct target *t, const struct symbol *s,
			      const struct ksnap_err *no_global, struct spot *ret,
			      struct ksnap_err *err)
{
	ret->kind = AT_ADDRESS;
	return kernel_names_find_other(&t->names, s->text, no_global,
				       ret->place.miss == BPF_MISS_NEAR, &ret->addr, err);
}

static int find_in_maps(struct target *t, const struct symbol *s, struct spot *ret,
			struct ksnap_err *err)
{
	struct ksnap_err why = { 0 };
	int code = bpf_place_find(t, s, &ret->place, &why);

	ret->kind = IN_MAP;
	ret->btf = ret->place.spot;
	if (code == KSNAP_E_NOTFOUND && s->kind == SYMBOL_NAME &&
	    ret->place.miss != BPF_MISS_MEMBER)
		return find_kernel_symbol(t, s, &why, ret, err);
	return code ? err_set(err, code, "%s", why.text) : 0;
}

static int find_symbol(struct target *t, const char *text, struct spot *ret, struct ksnap_err *err)
{
	struct symbol s;
	int code = symbol_parse(text, &s, err);

	if (code)
		return code;
	switch (s.kind) {
	case SYMBOL_ADDRESS:
		ret->kind = AT_ADDRESS;
		ret->addr = s.addr;
		return 0;
	case SYMBOL_PER_CPU:
		ret->kind = AT_ADDRESS;
		return per_cpu_find(t, &s, true, &ret->addr, &ret->btf, err);
	case SYMBOL_OBJECT:
		return err_set(err, KSNAP_E_ARG, "symbol '%s': an object is no memory", text);
	default:
		return find_in_maps(t, &s, ret, err);
	}
}

static int find_in_task(struct target *t, const struct kernel_at *at, struct spot *ret,
			struct ksnap_err *err)
{
	const struct btf *btf = btf_types_load(t->types, BTF_OF_KERNEL, err);
	int32_t type = btf ? btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT) : 0;
	struct path path;

	if (!btf)
		return err->code;
	if (type <= 0)
		return err_set(err, KSNAP_E_TARGET, "the kernel's BTF has no struct task_struct");
	ret->kind = IN_TASK;
	ret->task = (struct task_name){ at->task, at->has_start_time, at->start_time };
	path_init(&path, at->field);
	return btf_path_find(btf, type, &path, true, &ret->btf, err);
}

static int find(struct target *t, const struct kernel_at *at, struct spot *ret,
		struct ksnap_err *err)
{
	memset(ret, 0, sizeof(*ret));
	ret->name = at->symbol ?: at->field;
	return at->symbol ? find_symbol(t, at->symbol, ret, err) : find_in_task(t, at, ret, err);
}

/* ---- widths ---------------------------------------------------------------------------------- */

/* What was asked for, or what the type says. */
static int settle_width(const struct spot *s, struct kernel_width *w, struct ksnap_err *err)
{
	uint64_t at = s->btf.offset + (s->btf.nhops || s->kind != AT_ADDRESS ? 0 : s->addr);
	int ret = kernel_width_settle(w, &s->btf, s->name, err);

	if (ret)
		return ret;
	if (w->is_number && at % w->len)
		return err_set(err, KSNAP_E_ARG,
			       "%s is at %s%#llx, no multiple of %u: read {bytes = %u} there "
			       "(--bytes %u)",
			       s->name, s->kind == AT_ADDRESS ? "" : "offset ",
			       (unsigned long long)at, w->len, w->len, w->len);
	return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static struct kernel_reader *reader_of(struct target *t, struct ksnap_err *err)
{
	if (!t->reader)
		t->reader = kernel_reader_create(err);
	return t->reader;
}

static int refuse_address(const struct spot *s, uint64_t addr, struct ksnap_err *err)
{
	if (!(addr >> 63))
		return err_set(err, KSNAP_E_TARGET, "%s: %#llx is no address of the kernel",
			       s->name, (unsigned long long)addr);
	return err_set(err, KSNAP_E_TARGET, "%s: the kernel has no memory mapped at %#llx", s->name,
		       (unsigned long long)addr);
}

/* Up to KERNEL_OP_MAX bytes in one or few runs of the program. */
static int read_address(struct target *t, const struct spot *s, uint64_t addr, uint8_t *to,
			uint32_t len, struct ksnap_err *err)
{
	struct kernel_read reads[KERNEL_OP_MAX / KERNEL_READ_MAX];
	struct kernel_reader *r = reader_of(t, err);
	size_t n = 0;

	for (uint32_t at = 0; at < len; at += reads[n++].len)
		reads[n] =
			(struct kernel_read){ .addr = addr + at,
					      .len = len - at < KERNEL_READ_MAX ? len - at
										: KERNEL_READ_MAX,
					      .data = to + at };
	if (!r || kernel_reader_run(r, reads, n, err))
		return err->code;
	for (size_t i = 0; i < n; i++)
		if (reads[i].error)
			return refuse_address(s, reads[i].addr, err);
	return 0;
}

/* By the pointers on the way. */
static int read_from_address(struct target *t, const struct spot *s, uint8_t *to, uint32_t len,
			     struct ksnap_err *err)
{
	uint64_t addr = s->addr;

	for (unsigned i = 0; i < s->btf.nhops; i++) {
		uint64_t next = 0;
		int code = read_address(t, s, addr + s->btf.hops[i], (uint8_t *)&next, sizeof(next),
					err);

		if (code)
			return code;
		addr = next;
	}
	return read_address(t, s, addr + s->btf.offset, to, len, err);
}

static int read_bytes(struct target *t, const struct spot *s, uint8_t *to, uint32_t len,
		      struct ksnap_err *err)
{
	switch (s->kind) {
	case IN_MAP:
		return bpf_place_read(&s->place, 0, len, to, err);
	case AT_ADDRESS:
		return read_from_address(t, s, to, len, err);
	default:
		return task_field_read(btf_types_load(t->types, BTF_OF_KERNEL, err), &s->task,
				       &s->btf, len, to, err);
	}
}

int live_kernel_read(struct target *t, const struct kernel_at *at, struct kernel_width width,
		     struct buf *room, struct kernel_value *ret, struct ksnap_err *err)
{
	struct ksnap_err local = { 0 };
	bool typed = !width.len;
	struct spot s;
	uint8_t *to;
	int code = find(t, at, &s, &local);

	if (!code)
		code = settle_width(&s, &width, &local);
	to = code ? NULL : buf_reserve(room, width.len);
	if (!code && !to)
		return err_nomem(err);
	if (!code)
		code = read_bytes(t, &s, to, width.len, &local);
	if (code)
		return err_set(err, code, "%s", local.text);
	*ret = (struct kernel_value){ KERNEL_BYTES, 0, to, width.len };
	if (width.is_number || s.btf.is_bitfield)
		kernel_value_number(ret, &s.btf, to, width.len, typed);
	return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int refuse_write(const struct spot *s, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_UNSUPPORTED,
		       "%s: on the running kernel only values and globals of BPF maps can be "
		       "written",
		       s->name);
}

static int check_fits(const struct spot *s, const struct kernel_value *v, uint32_t len,
		      struct ksnap_err *err)
{
	return kernel_number_fits(v, len, err) ? err_prefix(err, "%s", s->name) : 0;
}

static int write_number(const struct spot *s, struct kernel_width w, const struct kernel_value *v,
			struct ksnap_err *err)
{
	int code;

	if (s->btf.is_bitfield)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "%s is a bit field: it shares its bytes with others, which a write "
			       "could lose",
			       s->name);
	code = settle_width(s, &w, err);
	if (code)
		return code;
	if (!w.is_number)
		return err_set(err, KSNAP_E_ARG, "%s has %u bytes: write bytes, not a number",
			       s->name, w.len);
	code = kernel_write_fits(&s->btf, s->name, w.len, err) ?: check_fits(s, v, w.len, err);
	if (code)
		return code;
	if (v->kind == KERNEL_OR)
		return bpf_place_or(&s->place, w.len, v->number, err);
	return bpf_place_write(&s->place, 0, w.len, &v->number, err);
}

static int write_bytes(const struct spot *s, struct kernel_width w, const struct kernel_value *v,
		       struct ksnap_err *err)
{
	if (w.len && w.len != v->len)
		return err_set(err, KSNAP_E_ARG, "%s: width says %u bytes, the value has %u",
			       s->name, w.len, v->len);
	if (kernel_write_fits(&s->btf, s->name, v->len, err))
		return KSNAP_E_ARG;
	return bpf_place_write(&s->place, 0, v->len, v->bytes, err);
}

int live_kernel_write(struct target *t, const struct kernel_at *at, struct kernel_width width,
		      const struct kernel_value *value, struct ksnap_err *err)
{
	struct ksnap_err local = { 0 };
	struct spot s;
	int code = find(t, at, &s, &local);

	if (!code && s.kind != IN_MAP)
		code = refuse_write(&s, &local);
	if (!code)
		code = value->kind == KERNEL_BYTES ? write_bytes(&s, width, value, &local)
						   : write_number(&s, width, value, &local);
	return code ? err_set(err, code, "%s", local.text) : 0;
}
