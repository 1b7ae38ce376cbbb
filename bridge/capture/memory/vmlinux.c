// SPDX-License-Identifier: MIT
/* vmlinux.c - sections of an ELF file, by libelf. */
#include "capture/memory/vmlinux.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define BANNER_SYMBOL "linux_banner"

/* Function, variable or label, the way nm tells them. */
static char type_of(const GElf_Sym *sym)
{
	if (sym->st_shndx == SHN_ABS)
		return 'A';
	return GELF_ST_TYPE(sym->st_info) == STT_FUNC ? 'T' : 'D';
}

static void take_symbols(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, struct symbols *s)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = data && sh->sh_entsize ? data->d_size / sh->sh_entsize : 0;

	for (size_t i = 0; i < n; i++) {
		GElf_Sym sym;
		const char *name;

		if (!gelf_getsym(data, i, &sym) || sym.st_shndx == SHN_UNDEF ||
		    GELF_ST_TYPE(sym.st_info) >= STT_SECTION)
			continue;
		name = elf_strptr(elf, sh->sh_link, sym.st_name);
		if (name && *name)
			symbols_add(s, sym.st_value, type_of(&sym), name, strlen(name));
	}
}

static size_t padded(uint32_t len)
{
	return ((size_t)len + 3) & ~(size_t)3;
}

static void take_note(const Elf64_Nhdr *nh, const uint8_t *body, char *buf)
{
	const uint8_t *id = body + padded(nh->n_namesz);

	if (nh->n_type != NT_GNU_BUILD_ID || nh->n_namesz != 4 || memcmp(body, "GNU", 4) ||
	    nh->n_descsz * 2 >= BUILD_ID_MAX)
		return;
	for (size_t i = 0; i < nh->n_descsz; i++)
		snprintf(buf + 2 * i, 3, "%02x", id[i]);
}

/* Of notes one after the other, as ELF has them. */
static void find_build_id(const uint8_t *notes, size_t len, char *buf)
{
	Elf64_Nhdr nh;
	size_t size;

	for (size_t at = 0; len - at >= sizeof(nh); at += size) {
		memcpy(&nh, notes + at, sizeof(nh));
		at += sizeof(nh);
		size = padded(nh.n_namesz) + padded(nh.n_descsz);
		if (size > len - at)
			return;
		take_note(&nh, notes + at, buf);
	}
}

static void take_build_id(Elf_Scn *scn, char *buf)
{
	Elf_Data *data = elf_getdata(scn, NULL);

	if (data && data->d_buf)
		find_build_id(data->d_buf, data->d_size, buf);
}

void vmlinux_running_id(const char *path, char buf[BUILD_ID_MAX])
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t notes[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, notes, sizeof(notes));

	buf[0] = 0;
	if (n > 0)
		find_build_id(notes, n, buf);
}

/* The string at @addr when this section holds it. */
static void take_banner(Elf_Scn *scn, const GElf_Shdr *sh, uint64_t addr, char *buf)
{
	Elf_Data *data;

	if (sh->sh_type != SHT_PROGBITS || addr < sh->sh_addr || addr - sh->sh_addr >= sh->sh_size)
		return;
	data = elf_getdata(scn, NULL);
	if (!data || !data->d_buf || addr - sh->sh_addr >= data->d_size)
		return;
	addr -= sh->sh_addr;
	snprintf(buf, BANNER_MAX, "%.*s", (int)(data->d_size - addr),
		 (const char *)data->d_buf + addr);
}

static void read_sections(struct vmlinux *v, Elf *elf, struct symbols *s)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh))
			continue;
		if (sh.sh_type == SHT_SYMTAB)
			take_symbols(elf, scn, &sh, s);
		if (sh.sh_type == SHT_NOTE && !v->build_id[0])
			take_build_id(scn, v->build_id);
	}
}

static bool banner_address(const struct symbols *s, uint64_t *ret)
{
	const struct symbol_row *row = (const struct symbol_row *)s->rows.data;

	for (size_t i = 0; i < symbols_count(s); i++) {
		if (strcmp((const char *)s->names.data + row[i].name, BANNER_SYMBOL))
			continue;
		*ret = row[i].addr;
		return true;
	}
	return false;
}

static void read_banner(struct vmlinux *v, Elf *elf, const struct symbols *s)
{
	Elf_Scn *scn = NULL;
	uint64_t addr;
	GElf_Shdr sh;

	if (!banner_address(s, &addr))
		return;
	while (!v->banner[0] && (scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh))
			take_banner(scn, &sh, addr, v->banner);
}

static int read_elf(struct vmlinux *v, Elf *elf, const char *path, struct symbols *s,
		    struct ksnap_err *err)
{
	GElf_Ehdr eh;

	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh) ||
	    eh.e_machine != EM_X86_64 || gelf_getclass(elf) != ELFCLASS64)
		return err_set(err, KSNAP_E_ARG,
			       "%s is not an ELF kernel image of x86-64 (a vmlinuz is compressed; "
			       "vmlinux is what is meant)",
			       path);
	read_sections(v, elf, s);
	if (!buf_ok(&s->rows) || !buf_ok(&s->names))
		return err_nomem(err);
	if (!symbols_count(s))
		return err_set(err, KSNAP_E_ARG, "%s has no symbols", path);
	read_banner(v, elf, s);
	return 0;
}

int vmlinux_read(struct vmlinux *v, const char *path, struct symbols *s, struct ksnap_err *err)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf;
	int ret;

	*v = (struct vmlinux){ 0 };
	if (fd < 0)
		return err_errno(err, KSNAP_E_TARGET, errno, "%s cannot be opened", path);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	ret = read_elf(v, elf, path, s, err);
	elf_end(elf);
	return ret;
}
