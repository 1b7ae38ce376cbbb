// SPDX-License-Identifier: MIT
/* watch_spot.c - a symbol becomes an address; the map behind it is held, its element looked after.
 */
#include "capture/live/watch_spot.h"

#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/kernel_read.h"
#include "capture/live/levels.h"
#include "capture/live/live.h"
#include "capture/live/per_cpu.h"

#define WIDEST 8 /* bytes that a register watches */

/* " at 0x..." behind a name; an address speaks for itself. */
static void place_words(uint64_t addr, const char *symbol, char words[32])
{
	*words = 0;
	if (strncasecmp(symbol, "0x", 2))
		snprintf(words, 32, " at 0x%" PRIx64, addr);
}

int watch_spot_check(uint64_t addr, unsigned len, unsigned levels, const char *symbol,
		     struct ksnap_err *err)
{
	uint64_t half = levels_kernel_half(levels);
	char at[32];

	place_words(addr, symbol, at);
	if (addr < half)
		return err_set(err, KSNAP_E_ARG,
			       "symbol: %.100s%s is no address of the kernel, whose page tables "
			       "have %u levels: those begin at 0x%" PRIx64 "; what processes do "
			       "with their own memory cannot be watched here",
			       symbol, at, levels, half);
	if (addr % len)
		return err_set(err, KSNAP_E_ARG,
			       "symbol: %.100s%s is not a multiple of %u: a debug register watches "
			       "1, 2, 4 or 8 bytes that are aligned to as many; name a smaller len",
			       symbol, at, len);
	return 0;
}

/* Of several widths the one that was asked for, or that the type has. */
static int pick_len(const struct btf_spot *spot, unsigned asked, const char *symbol,
		    struct watch_memory *ret, struct ksnap_err *err)
{
	uint64_t size = spot->size;

	if (spot->is_bitfield && !asked)
		return err_set(err, KSNAP_E_ARG,
			       "symbol: %.100s is a bitfield; name a len to watch what it is in",
			       symbol);
	if (asked && size && asked > size)
		return err_set(err, KSNAP_E_ARG, "len: %.100s has %" PRIu64 " bytes, not %u",
			       symbol, size, asked);
	ret->len = asked ? asked : size;
	ret->is_signed = spot->is_signed && !spot->is_bitfield && ret->len == size;
	if (ret->len && ret->len <= WIDEST && !(ret->len & (ret->len - 1)))
		return 0;
	return err_set(err, KSNAP_E_ARG,
		       "symbol: %.100s has %" PRIu64 " bytes, a debug register watches 1, 2, 4 or "
		       "8: name a member of it, or a len",
		       symbol, size);
}

/* Programs that use the map now. False: it cannot be found out. */
static bool count_users(struct target *t, uint32_t map_id, size_t *ret)
{
	const uint32_t *ids;

	return !prog_list_read(&t->progs, false, NULL) &&
	       !prog_list_owners(&t->progs, map_id, &ids, ret);
}

static int find_in_map(struct target *t, const struct symbol *sym, unsigned len,
		       struct watch_spot *s, struct ksnap_err *err)
{
	int ret = bpf_place_find(t, sym, &s->place, err);

	if (!ret)
		ret = pick_len(&s->place.spot, len, sym->text, &s->at, err);
	if (ret)
		return ret;
	if (s->place.spot.nhops)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "symbol: %.100s follows a pointer; watch the address it leads to",
			       sym->text);
	s->map_fd = bpf_place_open(&s->place, err);
	if (s->map_fd < 0)
		return s->map_fd;
	if (!count_users(t, s->place.map_id, &s->users))
		s->users = 0;
	return bpf_place_address(&s->place, s->map_fd, &s->at.addr, err);
}

static int find_per_cpu(struct target *t, const struct symbol *sym, unsigned len,
			struct watch_spot *s, struct ksnap_err *err)
{
	struct btf_spot spot;
	int ret = per_cpu_find(t, sym, false, &s->at.addr, &spot, err);

	if (ret)
		return ret;
	s->at.addr += spot.offset;
	return pick_len(&spot, len, sym->text, &s->at, err);
}

/* Its code is patched through another mapping, of which registers see nothing. */
static int refuse_function(const struct target *t, const char *name, uint64_t addr,
			   struct ksnap_err *err)
{
	uint64_t off = 0;
	const char *function = ksyms_find(&t->code.ksyms, addr, &off);

	if (!function || off || strcmp(function, name))
		return 0;
	return err_set(err, KSNAP_E_ARG,
		       "symbol: %.100s is a function: writes to the kernel's code cannot be seen "
		       "by watching; name a variable",
		       name);
}

/* Lists tell no sizes: as many bytes as are aligned. */
static int find_in_kernel(struct target *t, const struct symbol *sym, unsigned len,
			  const struct ksnap_err *no_global, struct watch_spot *s,
			  struct ksnap_err *err)
{
	bool is_told = s->place.miss == BPF_MISS_NEAR;
	int ret =
		kernel_names_find_other(&t->names, sym->text, no_global, is_told, &s->at.addr, err);
	uint64_t aligned = s->at.addr | WIDEST;

	s->at.len = len ? len : aligned & -aligned;
	return ret ? ret : refuse_function(t, sym->text, s->at.addr, err);
}

/* A BPF global first; then one of the kernel's own. */
static int find_name(struct target *t, const struct symbol *sym, unsigned len, struct watch_spot *s,
		     struct ksnap_err *err)
{
	struct ksnap_err of_bpf = { 0 };
	int ret = find_in_map(t, sym, len, s, &of_bpf);

	if (ret != KSNAP_E_NOTFOUND || s->place.miss == BPF_MISS_MEMBER)
		return ret ? err_set(err, ret, "%s", of_bpf.text) : 0;
	return find_in_kernel(t, sym, len, &of_bpf, s, err);
}

static int find_address(struct target *t, const struct symbol *sym, unsigned len,
			struct watch_spot *s, struct ksnap_err *err)
{
	s->at.addr = sym->addr;
	s->at.len = len ? len : WIDEST;
	return 0;
}

static int (*const finders[])(struct target *t, const struct symbol *sym, unsigned len,
			      struct watch_spot *s, struct ksnap_err *err) = {
	[SYMBOL_NAME] = find_name,       [SYMBOL_GLOBAL] = find_in_map,
	[SYMBOL_ELEMENT] = find_in_map,  [SYMBOL_PER_CPU] = find_per_cpu,
	[SYMBOL_ADDRESS] = find_address,
};

/* What is there before anything is written. */
static int read_now(struct target *t, struct watch_spot *s, const char *symbol,
		    struct ksnap_err *err)
{
	struct kernel_read r = { .addr = s->at.addr,
				 .len = s->at.len,
				 .data = (uint8_t *)&s->at.now };
	int ret = live_need_reader(t, err);
	char at[32];

	place_words(s->at.addr, symbol, at);
	if (!ret)
		ret = kernel_reader_run(t->reader, &r, 1, err);
	if (!ret && r.error)
		ret = err_set(err, KSNAP_E_ARG, "symbol: nothing is mapped at %.100s%s", symbol,
			      at);
	return ret;
}

struct watch_spot *watch_spot_find(struct target *t, const char *symbol, unsigned len,
				   struct ksnap_err *err)
{
	struct watch_spot *s = calloc(1, sizeof(*s));
	struct symbol *sym = malloc(sizeof(*sym));
	int ret = s && sym ? symbol_parse(symbol, sym, err) : err_nomem(err);

	if (s)
		*s = (struct watch_spot){ .target = t, .map_fd = -1 };
	if (!ret && sym->kind >= ARRAY_SIZE(finders))
		ret = err_set(err, KSNAP_E_ARG, "symbol: %.100s names no memory", symbol);
	if (!ret)
		ret = finders[sym->kind](t, sym, len, s, err);
	if (!ret)
		ret = watch_spot_check(s->at.addr, s->at.len, levels_in_use(), symbol, err);
	if (!ret)
		ret = read_now(t, s, symbol, err);
	free(sym);
	if (!ret)
		return s;
	watch_spot_destroy(s);
	return NULL;
}

void watch_spot_look(struct watch_spot *s)
{
	uint64_t then = s->at.now;

	if (read_now(s->target, s, "", NULL))
		s->at.now = then;
}

void watch_spot_destroy(void *spot)
{
	struct watch_spot *s = spot;

	if (s)
		cleanup_close(&s->map_fd);
	free(s);
}

/* Elements of arrays stay where they are. */
static bool place_is_fixed(const struct bpf_place *p)
{
	return p->map_type == BPF_MAP_TYPE_ARRAY || p->map_type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static bool is_where_it_was(const struct watch_spot *s)
{
	uint64_t addr;
	int ret = bpf_place_address(&s->place, s->map_fd, &addr, NULL);

	return ret != KSNAP_E_NOTFOUND && (ret || addr == s->at.addr);
}

const char *watch_spot_gone(void *spot)
{
	const struct watch_spot *s = spot;
	size_t users;

	if (s->map_fd < 0)
		return NULL;
	/* Who cannot be asked about for once is not gone. */
	if (s->users && count_users(s->target, s->place.map_id, &users) && !users)
		return "map_gone";
	return !place_is_fixed(&s->place) && !is_where_it_was(s) ? "element_gone" : NULL;
}
