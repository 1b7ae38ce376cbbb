// SPDX-License-Identifier: MIT
/* spot_op.c - numbers and bytes of a place, in and out. */
#include <string.h>

#include "base/error.h"
#include "capture/outside/spot.h"

/* What was asked for, or what the type says. */
static int settle_width(const struct spot *s, struct kernel_width *w, struct ksnap_err *err)
{
	int ret = kernel_width_settle(w, &s->btf, s->name, err);

	if (ret)
		return ret;
	if (w->len > KERNEL_OP_MAX)
		return err_set(err, KSNAP_E_LIMIT,
			       "%s has more bytes than MAX_KERNEL_OP, %u: name a part of it",
			       s->name, KERNEL_OP_MAX);
	if (s->room && w->len > s->room)
		return err_set(err, KSNAP_E_ARG,
			       "%s: %u bytes are more than the %llu that the value has there",
			       s->name, w->len, (unsigned long long)s->room);
	if (w->is_number && s->addr % w->len)
		return err_set(err, KSNAP_E_ARG,
			       "%s is at %#llx, no multiple of %u: take {bytes = %u} there",
			       s->name, (unsigned long long)s->addr, w->len, w->len);
	return 0;
}

static int refuse_address(const struct spot *s, const char *what, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_TARGET, "%s: the kernel has no %s at %#llx", s->name, what,
		       (unsigned long long)s->addr);
}

int spot_read(struct kernel *k, const struct spot *s, struct kernel_width width, struct buf *room,
	      struct kernel_value *ret, struct ksnap_err *err)
{
	bool typed = !width.len;
	int code = settle_width(s, &width, err);
	uint8_t *to = code ? NULL : buf_reserve(room, width.len);

	if (code)
		return code;
	if (!to)
		return err_nomem(err);
	if (!space_read(&k->image.space, s->addr, to, width.len))
		return refuse_address(s, "memory mapped", err);
	*ret = (struct kernel_value){ KERNEL_BYTES, 0, to, width.len };
	if (width.is_number || s->btf.is_bitfield)
		kernel_value_number(ret, &s->btf, to, width.len, typed);
	return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int put(struct kernel *k, const struct spot *s, const void *from, uint32_t len,
	       struct ksnap_err *err)
{
	return space_write(&k->image.space, s->addr, from, len)
		       ? 0
		       : refuse_address(s, "memory that can be written", err);
}

static int write_number(struct kernel *k, const struct spot *s, const struct kernel_width *w,
			const struct kernel_value *v, struct ksnap_err *err)
{
	uint64_t number = v->number, is = 0;

	if (s->btf.is_bitfield)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "%s is a bit field: what is beside it would be written too",
			       s->name);
	if (!w->is_number)
		return err_set(err, KSNAP_E_ARG, "%s has %u bytes: write bytes, not a number",
			       s->name, w->len);
	if (kernel_number_fits(v, w->len, err))
		return KSNAP_E_ARG;
	if (v->kind == KERNEL_OR && !space_read(&k->image.space, s->addr, &is, w->len))
		return refuse_address(s, "memory mapped", err);
	number |= is;
	return put(k, s, &number, w->len, err);
}

int spot_write(struct kernel *k, const struct spot *s, struct kernel_width width,
	       const struct kernel_value *v, struct ksnap_err *err)
{
	bool said = width.len;
	int code;

	if (v->kind == KERNEL_BYTES && !said)
		width = (struct kernel_width){ v->len, false };
	code = settle_width(s, &width, err) ?: kernel_write_fits(&s->btf, s->name, width.len, err);
	if (code)
		return code;
	if (v->kind != KERNEL_BYTES)
		return write_number(k, s, &width, v, err);
	if (width.len != v->len)
		return err_set(err, KSNAP_E_ARG, "%s: width says %u bytes, the value has %u",
			       s->name, width.len, v->len);
	return put(k, s, v->bytes, v->len, err);
}
