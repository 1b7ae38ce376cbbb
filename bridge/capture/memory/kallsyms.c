// SPDX-License-Identifier: MIT
/* kallsyms.c - unpack names from tokens, and addresses from offsets. */
#include "capture/memory/kallsyms.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define TOKENS    256
#define TOKEN_MAX 64   /* bytes of one, with its NUL */
#define LONG_NAME 0x80 /* in a length's first byte: a second one follows */

/* How addresses are kept. The kernel's configuration decides, and only the outcome tells. */
enum how {
	PER_CPU_ABSOLUTE, /* from a base down when negative, absolute otherwise */
	FROM_BASE,        /* from a base up */
	PLAIN,            /* as they are */
	HOWS,
};

struct tables {
	struct space *mem;
	uint64_t names, offsets, addresses, base;
	uint32_t n;
	char token[TOKENS][TOKEN_MAX];
};

static bool read_tokens(struct tables *t, const struct vmcoreinfo *v)
{
	uint64_t table, index;
	uint16_t at[TOKENS];

	if (!vmcoreinfo_symbol(v, "kallsyms_token_table", &table) ||
	    !vmcoreinfo_symbol(v, "kallsyms_token_index", &index) ||
	    !space_read(t->mem, index, at, sizeof(at)))
		return false;
	for (size_t i = 0; i < TOKENS; i++)
		if (!space_string(t->mem, table + at[i], t->token[i], TOKEN_MAX))
			return false;
	return true;
}

static bool find_tables(struct tables *t, const struct vmcoreinfo *v)
{
	uint64_t n, base;

	if (!vmcoreinfo_symbol(v, "kallsyms_names", &t->names) ||
	    !vmcoreinfo_symbol(v, "kallsyms_num_syms", &n) || !space_u32(t->mem, n, &t->n) ||
	    t->n > SYMBOLS_MAX || !read_tokens(t, v))
		return false;
	if (vmcoreinfo_symbol(v, "kallsyms_addresses", &t->addresses))
		return true;
	return vmcoreinfo_symbol(v, "kallsyms_offsets", &t->offsets) &&
	       vmcoreinfo_symbol(v, "kallsyms_relative_base", &base) &&
	       space_u64(t->mem, base, &t->base);
}

static bool address_of(const struct tables *t, enum how how, uint32_t i, uint64_t *ret)
{
	uint32_t off;

	if (how == PLAIN)
		return t->addresses && space_u64(t->mem, t->addresses + 8ull * i, ret);
	if (!t->offsets || !space_u32(t->mem, t->offsets + 4ull * i, &off))
		return false;
	if (how == FROM_BASE)
		*ret = t->base + off;
	else
		*ret = (int32_t)off >= 0 ? off : t->base - 1 - (int64_t)(int32_t)off;
	return true;
}

/* The packed name at @at, which moves behind it. */
static bool take_packed(const struct tables *t, uint64_t *at, uint8_t *buf, size_t *ret_len)
{
	uint8_t head[2] = { 0 };
	size_t len;

	if (!space_read(t->mem, *at, head, 1))
		return false;
	len = head[0];
	if (len & LONG_NAME) {
		if (!space_read(t->mem, *at + 1, head + 1, 1))
			return false;
		len = (len & ~LONG_NAME) | (size_t)head[1] << 7;
		++*at;
	}
	++*at;
	if (len > SYMBOL_NAME_MAX || !space_read(t->mem, *at, buf, len))
		return false;
	*at += len;
	*ret_len = len;
	return true;
}

/* The first character is the type. */
static size_t unpack(const struct tables *t, const uint8_t *packed, size_t len, char *buf,
		     size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		size_t more = strlen(t->token[packed[i]]);

		if (more >= cap - n)
			return 0;
		memcpy(buf + n, t->token[packed[i]], more);
		n += more;
	}
	return n;
}

static bool read_all(const struct tables *t, enum how how, struct symbols *s)
{
	uint8_t packed[SYMBOL_NAME_MAX];
	char name[SYMBOL_NAME_MAX + 2];
	uint64_t at = t->names, addr;
	size_t len;

	symbols_clear(s);
	for (uint32_t i = 0; i < t->n; i++) {
		if (!take_packed(t, &at, packed, &len) || !address_of(t, how, i, &addr))
			return false;
		len = unpack(t, packed, len, name, sizeof(name));
		if (len < 2)
			return false;
		symbols_add(s, addr, name[0], name + 1, len - 1);
	}
	return true;
}

/* Do they say what the kernel says elsewhere? */
static bool agrees(const struct symbols *s, const struct vmcoreinfo *v)
{
	uint64_t is, should;

	return vmcoreinfo_symbol(v, "_stext", &should) && symbols_find(s, "_stext", &is) &&
	       is == should;
}

int kallsyms_read(struct symbols *s, struct space *mem, const struct vmcoreinfo *v,
		  struct ksnap_err *err)
{
	_free_ struct tables *t = calloc(1, sizeof(*t));
	int ret = t ? 0 : err_nomem(err);

	if (ret)
		return ret;
	t->mem = mem;
	if (!find_tables(t, v))
		return err_set(err, KSNAP_E_TARGET,
			       "the kernel's memory does not tell where its symbols are: "
			       "vmlinux=FILE or kallsyms=FILE can");
	for (enum how how = 0; how < HOWS && !ret; how++) {
		if (!read_all(t, how, s))
			continue;
		ret = symbols_seal(s, err);
		if (!ret && agrees(s, v))
			return 0;
	}
	symbols_clear(s);
	return ret ? ret
		   : err_set(err, KSNAP_E_TARGET,
			     "the symbols in the kernel's memory are not sound: vmlinux=FILE or "
			     "kallsyms=FILE can give them");
}
