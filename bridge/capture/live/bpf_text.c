// SPDX-License-Identifier: MIT
/* bpf_text.c - go through the kernel's program ids, keep where their code is. */
#include "capture/live/bpf_text.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define FUNCS_AT_ONCE 64 /* asked for in the first call; most programs have fewer */

/* What the kernel says about the functions of one program. */
struct answer {
	struct bpf_prog_info info;
	uint32_t room;
	uint64_t *starts;
	uint32_t *lens;
	uint8_t (*tags)[BPF_TAG_SIZE];
	struct bpf_func_info *funcs;
};

/* One reading. The types of the program before are kept: those of one object share them. */
struct reading {
	const struct bpf_funcs *old; /* in order of program */
	size_t at;                   /* in it */
	struct bpf_funcs *to;
	struct btf *btf;
	uint32_t btf_id;
};

static void free_funcs(struct bpf_funcs *f)
{
	buf_fini(&f->all);
	buf_fini(&f->names);
}

void bpf_text_fini(struct bpf_text *t)
{
	free_funcs(&t->now);
	free_funcs(&t->was);
	*t = (struct bpf_text){ 0 };
}

static size_t count_of(const struct bpf_funcs *f)
{
	return f->all.len / sizeof(struct bpf_func);
}

static struct bpf_func *func_at(const struct bpf_funcs *f, size_t i)
{
	return (struct bpf_func *)f->all.data + i;
}

static int by_address(const void *a, const void *b)
{
	const struct bpf_func *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static int by_program(const void *a, const void *b)
{
	const struct bpf_func *x = a, *y = b;

	return (x->prog > y->prog) - (x->prog < y->prog);
}

static void sort(struct bpf_funcs *f, int (*order)(const void *, const void *))
{
	if (count_of(f))
		qsort(f->all.data, count_of(f), sizeof(struct bpf_func), order);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void free_answer(struct answer *a)
{
	free(a->starts);
	free(a->lens);
	free(a->tags);
	free(a->funcs);
}

static bool make_room(struct answer *a, uint32_t n)
{
	free_answer(a);
	a->room = n;
	a->starts = calloc(n, sizeof(*a->starts));
	a->lens = calloc(n, sizeof(*a->lens));
	a->tags = calloc(n, sizeof(*a->tags));
	a->funcs = calloc(n, sizeof(*a->funcs));
	return a->starts && a->lens && a->tags && a->funcs;
}

static bool ask(int fd, struct answer *a)
{
	uint32_t len = sizeof(a->info);

	a->info = (struct bpf_prog_info){ .nr_jited_ksyms = a->room,
					  .jited_ksyms = (uintptr_t)a->starts,
					  .nr_jited_func_lens = a->room,
					  .jited_func_lens = (uintptr_t)a->lens,
					  .nr_prog_tags = a->room,
					  .prog_tags = (uintptr_t)a->tags,
					  .nr_func_info = a->room,
					  .func_info_rec_size = sizeof(*a->funcs),
					  .func_info = (uintptr_t)a->funcs };
	return !bpf_obj_get_info_by_fd(fd, &a->info, &len);
}

/* All of them, as far as their addresses are not hidden. */
static bool ask_all(int fd, struct answer *a)
{
	return make_room(a, FUNCS_AT_ONCE) && ask(fd, a) &&
	       (a->info.nr_jited_ksyms <= a->room ||
		(make_room(a, a->info.nr_jited_ksyms) && ask(fd, a)));
}

/* ---- names ----------------------------------------------------------------------------------- */

static const struct btf *types_of(struct reading *r, uint32_t id)
{
	if (id != r->btf_id) {
		btf__free(r->btf);
		r->btf = id ? btf__load_from_kernel_by_id(id) : NULL;
		r->btf_id = id;
	}
	return r->btf;
}

/* The kernel cuts the name of a program, not the one of a function in its types. */
static const char *name_of(struct reading *r, const struct answer *a, uint32_t i)
{
	const struct btf *btf = i < a->info.nr_func_info ? types_of(r, a->info.btf_id) : NULL;
	const struct btf_type *type = btf ? btf__type_by_id(btf, a->funcs[i].type_id) : NULL;
	const char *name = type ? btf__name_by_offset(btf, type->name_off) : NULL;

	return name && *name ? name : a->info.name;
}

static void put_name(struct reading *r, const struct answer *a, uint32_t i)
{
	const uint8_t *tag = i < a->info.nr_prog_tags ? a->tags[i] : a->info.tag;
	const char *name = name_of(r, a, i);
	char hex[2 * BPF_TAG_SIZE + 1];

	for (size_t at = 0; at < BPF_TAG_SIZE; at++)
		snprintf(hex + 2 * at, 3, "%02x", tag[at]);
	buf_printf(&r->to->names, "bpf_prog_%s%s%s [bpf]", hex, *name ? "_" : "", name);
	buf_append(&r->to->names, "", 1);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void put_funcs(struct reading *r, uint32_t prog, const struct answer *a)
{
	uint32_t n = a->info.nr_jited_ksyms;

	n = n < a->info.nr_jited_func_lens ? n : a->info.nr_jited_func_lens;
	for (uint32_t i = 0; i < n && i < a->room; i++) {
		struct bpf_func f = { .start = a->starts[i],
				      .len = a->lens[i],
				      .prog = prog,
				      .born_ns = a->info.load_time,
				      .name = r->to->names.len };

		if (!f.start)
			continue;
		put_name(r, a, i);
		buf_append(&r->to->all, &f, sizeof(f));
	}
}

static void read_program(struct reading *r, uint32_t id)
{
	_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct answer a = { 0 };

	if (fd >= 0 && ask_all(fd, &a))
		put_funcs(r, id, &a);
	free_answer(&a);
}

/* Ids come in order, and are not used again: what is known of one stays true. */
static bool copy_known(struct reading *r, uint32_t id)
{
	size_t n = count_of(r->old), first;

	while (r->at < n && func_at(r->old, r->at)->prog < id)
		r->at++;
	for (first = r->at; r->at < n && func_at(r->old, r->at)->prog == id; r->at++) {
		struct bpf_func f = *func_at(r->old, r->at);
		const char *name = (const char *)r->old->names.data + f.name;

		f.name = r->to->names.len;
		buf_append(&r->to->names, name, strlen(name) + 1);
		buf_append(&r->to->all, &f, sizeof(f));
	}
	return r->at > first;
}

static uint64_t boot_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

bool bpf_text_is_behind(const struct bpf_text *t)
{
	uint32_t id;

	return !bpf_prog_get_next_id(t->newest, &id);
}

void bpf_text_read(struct bpf_text *t)
{
	struct bpf_funcs spare = t->was;
	struct reading r = { .old = &t->was, .to = &t->now };
	uint32_t id = 0;

	t->was = t->now;
	t->now = spare;
	buf_clear(&t->now.all);
	buf_clear(&t->now.names);
	sort(&t->was, by_program);
	while (!bpf_prog_get_next_id(id, &id)) {
		t->newest = id;
		if (!copy_known(&r, id))
			read_program(&r, id);
	}
	btf__free(r.btf);
	if (!buf_ok(&t->now.all) || !buf_ok(&t->now.names))
		buf_clear(&t->now.all);
	sort(&t->was, by_address);
	sort(&t->now, by_address);
	t->read_ns = boot_ns();
}

/* ---- finding --------------------------------------------------------------------------------- */

static const char *find_in(const struct bpf_funcs *f, uint64_t addr, uint64_t at_ns,
			   uint64_t *ret_off)
{
	size_t lo = 0, hi = count_of(f);
	const struct bpf_func *it;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (func_at(f, mid)->start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	it = lo ? func_at(f, lo - 1) : NULL;
	if (!it || addr - it->start >= it->len || it->born_ns > at_ns)
		return NULL;
	*ret_off = addr - it->start;
	return (const char *)f->names.data + it->name;
}

const char *bpf_text_find(const struct bpf_text *t, uint64_t addr, uint64_t at_ns,
			  uint64_t *ret_off)
{
	const char *name = find_in(&t->now, addr, at_ns, ret_off);

	return name || at_ns > t->read_ns ? name : find_in(&t->was, addr, at_ns, ret_off);
}
