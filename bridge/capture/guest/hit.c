// SPDX-License-Identifier: MIT
/* hit.c - who wrote, where, and what. */
#include "capture/guest/hit.h"

#include "capture/outside/text_name.h"
#include "wire/pack.h"

static void pack_number(msgpack_packer *pk, const char *key, uint64_t v)
{
	pack_str(pk, key);
	msgpack_pack_uint64(pk, v);
}

static void pack_bytes(msgpack_packer *pk, const char *key, const uint64_t *v, unsigned len)
{
	pack_str(pk, key);
	pack_bin(pk, v, len < sizeof(*v) ? len : sizeof(*v));
}

static void pack_signed(msgpack_packer *pk)
{
	pack_str(pk, "is_signed");
	msgpack_pack_true(pk);
}

/* As watches of a live kernel name them. */
static void pack_regs(msgpack_packer *pk, const struct registers *r)
{
	pack_str(pk, "regs");
	msgpack_pack_map(pk, __builtin_popcount(r->has));
	for (int i = 0; i < REGS; i++)
		if (r->has >> i & 1)
			pack_number(pk, i == REG_RFLAGS ? "eflags" : register_names[i], r->v[i]);
}

static void pack_frame(msgpack_packer *pk, uint64_t addr, struct kernel *k)
{
	char sym[600];
	bool is_named = text_name(k, addr, sym, sizeof(sym));

	msgpack_pack_map(pk, 1 + is_named);
	pack_number(pk, "addr", addr);
	if (!is_named)
		return;
	pack_str(pk, "sym");
	pack_str(pk, sym);
}

static void pack_stack(msgpack_packer *pk, const struct hit *h, struct kernel *k)
{
	pack_str(pk, "stack");
	msgpack_pack_array(pk, h->nframes);
	for (unsigned i = 0; i < h->nframes; i++)
		pack_frame(pk, h->stack[i], k);
}

void hit_encode(const struct hit *h, struct kernel *k, struct buf *out)
{
	msgpack_packer pk;

	pack_init(&pk, out);
	msgpack_pack_map(&pk, 14 + h->is_signed);
	pack_number(&pk, "n", h->n);
	pack_number(&pk, "addr", h->addr);
	pack_number(&pk, "len", h->len);
	pack_bytes(&pk, "old", &h->old, h->len);
	pack_bytes(&pk, "new", &h->new, h->len);
	if (h->is_signed)
		pack_signed(&pk);
	pack_number(&pk, "pid", h->who.pid);
	pack_number(&pk, "tid", h->who.tid);
	pack_str(&pk, "comm");
	pack_str(&pk, h->who.comm);
	pack_number(&pk, "cpu", h->cpu);
	pack_number(&pk, "cgroup", h->who.cgroup);
	pack_number(&pk, "mono", h->mono_ns);
	pack_regs(&pk, &h->regs);
	pack_stack(&pk, h, k);
	pack_number(&pk, "suppressed", h->suppressed);
}
