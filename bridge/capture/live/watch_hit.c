// SPDX-License-Identifier: MIT
/* watch_hit.c - the record of a hit, with names for the addresses of its stack. */
#include "capture/live/watch_hit.h"

#include <stdio.h>

#include "base/utf8.h"
#include "wire/pack.h"

static const char *const reg_names[WATCH_REGS] = {
	[WATCH_R15] = "r15", [WATCH_R14] = "r14",       [WATCH_R13] = "r13", [WATCH_R12] = "r12",
	[WATCH_RBP] = "rbp", [WATCH_RBX] = "rbx",       [WATCH_R11] = "r11", [WATCH_R10] = "r10",
	[WATCH_R9] = "r9",   [WATCH_R8] = "r8",         [WATCH_RAX] = "rax", [WATCH_RCX] = "rcx",
	[WATCH_RDX] = "rdx", [WATCH_RSI] = "rsi",       [WATCH_RDI] = "rdi", [WATCH_RIP] = "rip",
	[WATCH_RSP] = "rsp", [WATCH_EFLAGS] = "eflags",
};

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

/* Threads name themselves with any bytes; what is no text is not shown. */
static void pack_comm(msgpack_packer *pk, const char *comm)
{
	pack_str(pk, "comm");
	pack_strn(pk, comm, utf8_sound(comm, strnlen(comm, WATCH_COMM)));
}

static void pack_regs(msgpack_packer *pk, const struct watch_record *r)
{
	pack_str(pk, "regs");
	msgpack_pack_map(pk, WATCH_REGS);
	for (unsigned i = 0; i < WATCH_REGS; i++)
		pack_number(pk, reg_names[i], r->regs[i]);
}

/* "do_writev+0x1f", "nft_do_chain+0x10 [nf_tables]". */
static void pack_frame(msgpack_packer *pk, uint64_t addr, uint64_t mono_ns,
		       struct code_names *names)
{
	uint64_t off = 0;
	const char *name = code_names_find(names, addr, mono_ns, &off);
	int plain = name ? (int)strcspn(name, " ") : 0;
	char sym[256];

	msgpack_pack_map(pk, 1 + !!name);
	pack_number(pk, "addr", addr);
	if (!name)
		return;
	snprintf(sym, sizeof(sym), "%.*s+0x%llx%s", plain, name, (unsigned long long)off,
		 name + plain);
	pack_str(pk, "sym");
	pack_strn(pk, sym, utf8_sound(sym, strlen(sym)));
}

static unsigned frames_of(const struct watch_record *r)
{
	unsigned n = r->stack_bytes > 0 ? r->stack_bytes / sizeof(r->stack[0]) : 0;

	return n < WATCH_FRAMES ? n : WATCH_FRAMES;
}

static void pack_stack(msgpack_packer *pk, const struct watch_record *r, struct code_names *names)
{
	unsigned n = frames_of(r);

	pack_str(pk, "stack");
	msgpack_pack_array(pk, n);
	for (unsigned i = 0; i < n; i++)
		pack_frame(pk, r->stack[i], r->mono_ns, names);
}

void watch_hit_encode(const struct watch_record *r, const struct watch_hit_place *place,
		      struct code_names *names, struct buf *out)
{
	msgpack_packer pk;

	pack_init(&pk, out);
	msgpack_pack_map(&pk, 14 + place->is_signed + !!place->unseen);
	pack_number(&pk, "n", place->n);
	pack_number(&pk, "addr", place->addr);
	pack_number(&pk, "len", place->len);
	pack_bytes(&pk, "old", (const uint64_t *)&r->old, place->len);
	pack_bytes(&pk, "new", (const uint64_t *)&r->new, place->len);
	if (place->is_signed)
		pack_signed(&pk);
	pack_number(&pk, "pid", r->pid);
	pack_number(&pk, "tid", r->tid);
	pack_comm(&pk, r->comm);
	pack_number(&pk, "cpu", r->cpu);
	pack_number(&pk, "cgroup", r->cgroup);
	pack_number(&pk, "mono", r->mono_ns);
	pack_regs(&pk, r);
	pack_stack(&pk, r, names);
	pack_number(&pk, "suppressed", place->suppressed);
	if (place->unseen)
		pack_number(&pk, "unseen", place->unseen);
}

void watch_hit_encode_end(uint64_t mono_ns, struct buf *out)
{
	msgpack_packer pk;

	pack_init(&pk, out);
	msgpack_pack_map(&pk, 12);
	pack_number(&pk, "n", 1);
	pack_number(&pk, "addr", 0);
	pack_number(&pk, "len", 0);
	pack_number(&pk, "pid", 0);
	pack_number(&pk, "tid", 0);
	pack_comm(&pk, "");
	pack_number(&pk, "cpu", 0);
	pack_number(&pk, "cgroup", 0);
	pack_number(&pk, "mono", mono_ns);
	pack_str(&pk, "regs");
	msgpack_pack_map(&pk, 0);
	pack_str(&pk, "stack");
	msgpack_pack_array(&pk, 0);
	pack_number(&pk, "suppressed", 0);
}
