// SPDX-License-Identifier: MIT
/* image.c - guess where the kernel is, by what it says itself or by its version text, and check. */
#include "capture/memory/image.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/memory/kallsyms.h"

#define BANNER       "Linux version "
#define SLIDE_MAX    (1ull << 30)
#define SLIDE_STEP   (2ull << 20)
#define TOP_TABLE    "init_top_pgt"
#define UTS_RELEASE  130 /* of struct new_utsname: behind two names of 65 bytes */
#define BANNER_TRIES 4096
#define CR3_ADDRESS  0x000ffffffffff000ull
#define CR3_OF_USER  0x1000ull /* in it: Linux's tables for user mode, beside the kernel's */

void image_fini(struct image *im)
{
	symbols_fini(&im->symbols);
	*im = (struct image){ 0 };
}

int image_symbol(const struct image *im, const char *name, uint64_t *ret, struct ksnap_err *err)
{
	if (symbols_find(&im->symbols, name, ret))
		return 0;
	return err_set(err, KSNAP_E_NOTFOUND, "the kernel has no symbol %s", name);
}

/* ---- is it the one that runs? ---------------------------------------------------------------- */

static bool maps_alike(const struct image *im, uint64_t root, uint64_t va, uint64_t pa)
{
	struct paging pg = { im->space.pg.mem, root, im->space.pg.levels };
	uint64_t is, left;

	return paging_translate(&pg, va, &is, &left) && is == pa;
}

/* Does a CPU have @va where the image has it? */
static bool is_in_use(const struct image *im, const struct image_source *src, uint64_t va,
		      uint64_t pa)
{
	for (size_t i = 0; i < src->ncr3; i++) {
		uint64_t root = src->cr3[i] & CR3_ADDRESS;

		if (maps_alike(im, root, va, pa) || maps_alike(im, root & ~CR3_OF_USER, va, pa))
			return true;
	}
	return !src->ncr3;
}

/* ---- by what the kernel says ----------------------------------------------------------------- */

static bool read_release(struct image *im)
{
	uint64_t uts;
	char off[16];

	if (!vmcoreinfo_text(&im->info, "OSRELEASE", im->release, sizeof(im->release)))
		return false;
	if (!vmcoreinfo_symbol(&im->info, "init_uts_ns", &uts))
		return true;
	if (!vmcoreinfo_text(&im->info, "OFFSET(uts_namespace.name)", off, sizeof(off)))
		return true;
	uts += strtoul(off, NULL, 10) + UTS_RELEASE;
	return space_string(&im->space, uts, im->banner, sizeof(im->release)) &&
	       !strcmp(im->banner, im->release);
}

static void read_slide(struct image *im)
{
	char text[32], *end;

	if (!vmcoreinfo_text(&im->info, "KERNELOFFSET", text, sizeof(text)))
		return;
	im->slide = strtoull(text, &end, 16);
	im->has_slide = end != text && !*end;
}

/* Does it describe the kernel that is in @mem now? The page tables must map themselves. */
static bool accept_info(struct image *im, const struct physical *mem,
			const struct image_source *src)
{
	uint64_t top, pa;
	int64_t phys_base, five = 0;

	if (!vmcoreinfo_symbol(&im->info, "swapper_pg_dir", &top) ||
	    !vmcoreinfo_number(&im->info, "phys_base", &phys_base))
		return false;
	vmcoreinfo_number(&im->info, "pgtable_l5_enabled", &five);
	im->phys_base = phys_base;
	space_init(&im->space, mem, top - KERNEL_MAP + im->phys_base, five ? 5 : 4);
	if (!space_physical(&im->space, top, &pa) || pa != im->space.pg.root ||
	    !is_in_use(im, src, top, pa))
		return false;
	read_slide(im);
	return read_release(im);
}

static bool find_by_info(struct image *im, const struct physical *mem,
			 const struct image_source *src)
{
	uint64_t at = 0;

	if (mem->notes && vmcoreinfo_from_notes(&im->info, mem->notes, mem->notes_len) &&
	    accept_info(im, mem, src))
		return true;
	while (vmcoreinfo_search(&im->info, mem, &at))
		if (accept_info(im, mem, src))
			return true;
	im->info = (struct vmcoreinfo){ 0 };
	return false;
}

/* ---- by its version text --------------------------------------------------------------------- */

/* Where the top table and the version text are, by the symbols at hand. */
struct guess {
	uint64_t top, banner;
	uint64_t most; /* slides up to here are tried */
	const struct image_source *src;
};

static bool maps_to(struct image *im, const struct physical *mem, const struct guess *g,
		    uint64_t pa, uint64_t slide, unsigned levels)
{
	uint64_t delta = pa - (g->banner - KERNEL_MAP), is;

	space_init(&im->space, mem, g->top - KERNEL_MAP + delta, levels);
	if (!space_physical(&im->space, g->banner + slide, &is) || is != pa ||
	    !is_in_use(im, g->src, g->banner + slide, pa))
		return false;
	im->slide = slide;
	im->has_slide = g->src->vmlinux;
	im->phys_base = delta - slide;
	return true;
}

static bool accept_banner(struct image *im, const struct physical *mem, const struct guess *g,
			  uint64_t pa)
{
	for (unsigned levels = 4; levels <= 5; levels++)
		for (uint64_t slide = 0; slide <= g->most; slide += SLIDE_STEP)
			if (maps_to(im, mem, g, pa, slide, levels))
				return true;
	return false;
}

static bool search_segment(struct image *im, const struct physical *mem, const struct guess *g,
			   const struct physical_segment *s, unsigned *tries)
{
	const uint8_t *from = mem->map + s->offset, *end = from + s->len, *at;

	while (*tries && (at = memmem(from, end - from, BANNER, strlen(BANNER)))) {
		if (accept_banner(im, mem, g, s->base + (at - (mem->map + s->offset))))
			return true;
		--*tries;
		from = at + 1;
	}
	return false;
}

/* A vmlinux has the addresses that the kernel was linked for. */
static bool find_by_banner(struct image *im, const struct physical *mem,
			   const struct image_source *src)
{
	struct guess g = { .most = src->vmlinux ? SLIDE_MAX : 0, .src = src };
	unsigned tries = BANNER_TRIES;

	if (!symbols_find(&im->symbols, TOP_TABLE, &g.top) ||
	    !symbols_find(&im->symbols, "linux_banner", &g.banner))
		return false;
	for (size_t i = 0; i < mem->n; i++)
		if (search_segment(im, mem, &g, &mem->segments[i], &tries))
			return true;
	return false;
}

/* ---- symbols --------------------------------------------------------------------------------- */

static int read_files(struct image *im, struct vmlinux *v, const struct image_source *src,
		      struct ksnap_err *err)
{
	int ret = 0;

	if (src->vmlinux)
		ret = vmlinux_read(v, src->vmlinux, &im->symbols, err);
	else if (src->kallsyms)
		ret = symbols_read_text(&im->symbols, src->kallsyms, err);
	return ret ? ret : symbols_seal(&im->symbols, err);
}

static int check_build_id(const struct image *im, const struct vmlinux *v, const char *path,
			  struct ksnap_err *err)
{
	char id[BUILD_ID_MAX];

	if (!v->build_id[0] || !vmcoreinfo_text(&im->info, "BUILD-ID", id, sizeof(id)) ||
	    !strcmp(id, v->build_id))
		return 0;
	return err_set(err, KSNAP_E_TARGET,
		       "%s is another kernel: its build id is %s, the one in memory has %s", path,
		       v->build_id, id);
}

static void cut_release(struct image *im)
{
	const char *from = im->banner + strlen(BANNER);

	snprintf(im->release, sizeof(im->release), "%.*s", (int)strcspn(from, " \n"), from);
}

/* The version text is where the symbols say, and is the expected one. */
static int check_banner(struct image *im, const char *source, const struct vmlinux *v,
			struct ksnap_err *err)
{
	uint64_t addr;

	if (!symbols_find(&im->symbols, "linux_banner", &addr) ||
	    !space_string(&im->space, addr, im->banner, sizeof(im->banner)) ||
	    strncmp(im->banner, BANNER, strlen(BANNER)))
		return err_set(err, KSNAP_E_TARGET,
			       "%s is of another kernel: no version text stands where it says",
			       source);
	if (v->banner[0] && strcmp(v->banner, im->banner))
		return err_set(err, KSNAP_E_TARGET, "%s is another kernel: '%.100s', not '%.100s'",
			       source, v->banner, im->banner);
	cut_release(im);
	return 0;
}

static int place_symbols(struct image *im, const struct vmlinux *v, const struct image_source *src,
			 struct ksnap_err *err)
{
	const char *source = src->vmlinux    ? src->vmlinux
			     : src->kallsyms ? src->kallsyms
					     : "the kernel's own table of symbols";
	int ret = 0;

	if (src->vmlinux)
		ret = check_build_id(im, v, src->vmlinux, err);
	if (!ret && src->vmlinux)
		symbols_slide(&im->symbols, im->slide);
	if (!ret && !src->vmlinux && !src->kallsyms)
		ret = kallsyms_read(&im->symbols, &im->space, &im->info, err);
	return ret ? ret : check_banner(im, source, v, err);
}

static const char *say_why(const struct physical *mem)
{
	if (mem->missing)
		return ", which are cut short";
	return mem->is_core ? ": the dump has left that out, or is of no kernel of Linux; "
			      "vmlinux=FILE or kallsyms=FILE can say what it is of"
			    : ": none runs there yet, or vmlinux=FILE or kallsyms=FILE must say "
			      "what it is";
}

static int say_none(const struct image_source *src, const struct physical *mem,
		    struct ksnap_err *err)
{
	const char *file = src->vmlinux ? src->vmlinux : src->kallsyms;

	if (file)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "there is no kernel in the memory that %s would be of", file);
	return err_set(err, KSNAP_E_NOTFOUND,
		       "no kernel tells about itself (VMCOREINFO) in the %zu bytes of memory%s",
		       mem->size, say_why(mem));
}

static int find(struct image *im, const struct physical *mem, const struct image_source *src,
		struct ksnap_err *err)
{
	struct vmlinux v = { 0 };
	int ret = read_files(im, &v, src, err);

	if (ret)
		return ret;
	if (!find_by_info(im, mem, src) && !find_by_banner(im, mem, src))
		return say_none(src, mem, err);
	if (src->vmlinux && im->info.len && !im->has_slide)
		return err_set(err, KSNAP_E_TARGET,
			       "the kernel does not say how far %s was moved (KERNELOFFSET)",
			       src->vmlinux);
	return place_symbols(im, &v, src, err);
}

int image_find(struct image *im, const struct physical *mem, const struct image_source *src,
	       struct ksnap_err *err)
{
	int ret;

	*im = (struct image){ 0 };
	ret = find(im, mem, src, err);
	if (ret)
		image_fini(im);
	return ret;
}

bool image_is_there(struct image *im)
{
	char now[BANNER_MAX];
	uint64_t addr;

	space_forget(&im->space);
	return symbols_find(&im->symbols, "linux_banner", &addr) &&
	       space_string(&im->space, addr, now, sizeof(now)) && !strcmp(now, im->banner);
}
