// SPDX-License-Identifier: MIT
/* physical.c - map a file, and know which address each part of it stands for. */
#include "capture/memory/physical.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/memory/mapping.h"

#define ABOVE_HOLE (4ull << 30) /* where QEMU goes on behind the hole for devices */

static int map_file(struct physical *p, const char *path, struct ksnap_err *err)
{
	struct stat st;

	p->fd = open(path, (p->is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	if (p->fd < 0 || fstat(p->fd, &st))
		return err_errno(err, KSNAP_E_TARGET, errno, "%s cannot be opened", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, KSNAP_E_ARG, "%s is not a regular file", path);
	if (!st.st_size)
		return err_set(err, KSNAP_E_TARGET, "%s is empty", path);
	p->size = st.st_size;
	return mapping_make(p->fd, p->size, p->is_writable, &p->map, err);
}

void physical_close(struct physical *p)
{
	mapping_drop(p->map, p->size);
	cleanup_close(&p->fd);
	free(p->segments);
	*p = PHYSICAL_INIT;
}

int physical_check(const struct physical *p, struct ksnap_err *err)
{
	struct stat st;

	if (fstat(p->fd, &st))
		return err_errno(err, KSNAP_E_TARGET, errno, "the memory's file cannot be asked");
	if ((uint64_t)st.st_size >= p->size && !mapping_is_torn(p->map))
		return 0;
	return err_set(err, KSNAP_E_TARGET, "the memory's file shrank from %zu to %lld bytes",
		       p->size, (long long)st.st_size);
}

int physical_settle(const struct physical *p, int code, struct ksnap_err *err)
{
	return p->map && mapping_is_torn(p->map) ? physical_check(p, err) : code;
}

bool physical_is_file(const struct physical *p, const char *path)
{
	struct stat ours, there;

	return p->map && !mapping_is_torn(p->map) && !fstat(p->fd, &ours) && !stat(path, &there) &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino &&
	       (uint64_t)ours.st_size >= p->size;
}

/* ---- segments -------------------------------------------------------------------------------- */

static int by_base(const void *a, const void *b)
{
	const struct physical_segment *x = a, *y = b;

	return (x->base > y->base) - (x->base < y->base);
}

/* Cut what overlaps: the one that begins lower keeps it. */
static void set_apart(struct physical *p)
{
	uint64_t end = 0;
	size_t kept = 0;

	qsort(p->segments, p->n, sizeof(*p->segments), by_base);
	for (size_t i = 0; i < p->n; i++) {
		struct physical_segment s = p->segments[i];
		uint64_t cut = s.base < end ? end - s.base : 0;

		if (cut >= s.len)
			continue;
		p->segments[kept++] =
			(struct physical_segment){ s.base + cut, s.len - cut, s.offset + cut };
		end = s.base + s.len;
	}
	p->n = kept;
}

/* What of it the file has. */
static void add_segment(struct physical *p, uint64_t base, uint64_t len, uint64_t offset)
{
	uint64_t there = offset < p->size ? p->size - offset : 0;

	if (there > len)
		there = len;
	if (there > UINT64_MAX - base)
		there = UINT64_MAX - base;
	p->missing += len - there;
	if (there)
		p->segments[p->n++] = (struct physical_segment){ base, there, offset };
}

static void take_header(struct physical *p, const GElf_Phdr *ph)
{
	if (ph->p_type == PT_LOAD)
		add_segment(p, ph->p_paddr, ph->p_filesz, ph->p_offset);
	if (ph->p_type != PT_NOTE || p->notes || ph->p_offset >= p->size)
		return;
	p->notes = p->map + ph->p_offset;
	p->notes_len = p->size - ph->p_offset;
	if (p->notes_len > ph->p_filesz)
		p->notes_len = ph->p_filesz;
	if (p->notes_len > PHYSICAL_NOTES)
		p->notes_len = PHYSICAL_NOTES;
}

static int take_headers(struct physical *p, Elf *elf, const char *path, struct ksnap_err *err)
{
	GElf_Ehdr eh;
	size_t n;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh) || eh.e_type != ET_CORE ||
	    eh.e_machine != EM_X86_64 || gelf_getclass(elf) != ELFCLASS64)
		return err_set(err, KSNAP_E_ARG, "%s is not an ELF core of x86-64%s", path,
			       p->size >= 8 && !memcmp(p->map, "KDUMP   ", 8)
				       ? ": it is a compressed kdump; makedumpfile -E writes ELF"
				       : "");
	if (elf_getphdrnum(elf, &n))
		return err_set(err, KSNAP_E_TARGET, "%s: %s", path, elf_errmsg(-1));
	if (n > PHYSICAL_SEGMENTS)
		return err_set(err, KSNAP_E_LIMIT, "%s has %zu segments, at most %d are read", path,
			       n, PHYSICAL_SEGMENTS);
	p->segments = calloc(n + 1, sizeof(*p->segments));
	if (!p->segments)
		return err_nomem(err);
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;

		if (gelf_getphdr(elf, i, &ph))
			take_header(p, &ph);
	}
	return 0;
}

static int open_core(struct physical *p, const char *path, struct ksnap_err *err)
{
	Elf *elf;
	int ret = map_file(p, path, err);

	if (ret)
		return ret;
	elf_version(EV_CURRENT);
	elf = elf_begin(p->fd, ELF_C_READ, NULL);
	if (!elf)
		return err_set(err, KSNAP_E_ARG, "%s is not an ELF core of x86-64: %s", path,
			       elf_errmsg(-1));
	ret = take_headers(p, elf, path, err);
	elf_end(elf);
	if (ret)
		return ret;
	set_apart(p);
	if (!p->n)
		return err_set(err, KSNAP_E_TARGET, "%s holds no memory", path);
	return 0;
}

int physical_open_core(struct physical *p, const char *path, struct ksnap_err *err)
{
	int ret;

	*p = PHYSICAL_INIT;
	p->is_core = true;
	ret = open_core(p, path, err);
	if (ret)
		physical_close(p);
	return ret;
}

static int open_guest(struct physical *p, const char *path, uint64_t low, struct ksnap_err *err)
{
	int ret = map_file(p, path, err);

	if (ret)
		return ret;
	if (low > p->size || low > ABOVE_HOLE || (!low && p->size > ABOVE_HOLE))
		return err_set(err, KSNAP_E_ARG,
			       "%s has %zu bytes: low=%llu cannot be the part below 4 GiB", path,
			       p->size, (unsigned long long)low);
	p->segments = calloc(2, sizeof(*p->segments));
	if (!p->segments)
		return err_nomem(err);
	if (!low)
		low = p->size;
	add_segment(p, 0, low, 0);
	if (low < p->size)
		add_segment(p, ABOVE_HOLE, p->size - low, low);
	return 0;
}

int physical_open_guest(struct physical *p, const char *path, uint64_t low, bool writable,
			struct ksnap_err *err)
{
	int ret;

	*p = PHYSICAL_INIT;
	p->is_writable = writable;
	ret = open_guest(p, path, low, err);
	if (ret)
		physical_close(p);
	return ret;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

uint8_t *physical_at(const struct physical *p, uint64_t pa, uint64_t *ret_left)
{
	size_t lo = 0, hi = p->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->segments[mid].base <= pa)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || pa - p->segments[lo - 1].base >= p->segments[lo - 1].len)
		return NULL;
	pa -= p->segments[lo - 1].base;
	*ret_left = p->segments[lo - 1].len - pa;
	return p->map + p->segments[lo - 1].offset + pa;
}

bool physical_read(const struct physical *p, uint64_t pa, void *buf, size_t len)
{
	uint8_t *to = buf;

	while (len) {
		uint64_t left;
		const uint8_t *from = physical_at(p, pa, &left);

		if (!from)
			return false;
		if (left > len)
			left = len;
		memcpy(to, from, left);
		to += left;
		pa += left;
		len -= left;
	}
	return true;
}
