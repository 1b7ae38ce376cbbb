// SPDX-License-Identifier: MIT
/* machine.c - memory in a file, tables in memory, a kernel in the tables. */
#include "machine.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

const char *machine_file(char *buf, size_t cap, const char *name)
{
	snprintf(buf, cap, "machine-%d.%s", (int)getpid(), name);
	return buf;
}

void machine_begin(struct machine *m, unsigned levels)
{
	*m = (struct machine){ .next_table = MACHINE_ROOT + PAGE_BYTES,
			       .levels = levels,
			       .phys = PHYSICAL_INIT };
	machine_file(m->path, sizeof(m->path), "mem");
	m->mem = calloc(1, MACHINE_BYTES);
	assert_non_null(m->mem);
}

void machine_end(struct machine *m)
{
	physical_close(&m->phys);
	unlink(m->path);
	free(m->mem);
}

void machine_save(struct machine *m, bool writable)
{
	_close_ int fd = open(m->path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	struct ksnap_err err = { 0 };

	assert_true(fd >= 0);
	assert_int_equal(write(fd, m->mem, MACHINE_BYTES), MACHINE_BYTES);
	physical_close(&m->phys);
	if (physical_open_guest(&m->phys, m->path, 0, writable, &err))
		fail_msg("%s", err.text);
}

void machine_put(struct machine *m, uint64_t pa, const void *data, size_t len)
{
	assert_true(pa + len <= MACHINE_BYTES);
	memcpy(m->mem + pa, data, len);
}

void machine_put64(struct machine *m, uint64_t pa, uint64_t v)
{
	machine_put(m, pa, &v, sizeof(v));
}

static uint64_t get64(const struct machine *m, uint64_t pa)
{
	uint64_t v;

	memcpy(&v, m->mem + pa, sizeof(v));
	return v;
}

void machine_map(struct machine *m, uint64_t va, uint64_t pa, unsigned shift)
{
	uint64_t table = MACHINE_ROOT;
	unsigned at = 12 + 9 * (m->levels - 1);

	for (; at > shift; at -= 9) {
		uint64_t entry = table + 8 * (va >> at & 511);

		if (!get64(m, entry)) {
			machine_put64(m, entry, m->next_table | 0x63);
			m->next_table += PAGE_BYTES;
		}
		table = get64(m, entry) & 0x000ffffffffff000;
	}
	machine_put64(m, table + 8 * (va >> at & 511),
		      pa | 0x8000000000000063 | (shift > 12 ? 0x80 : 0));
}

/* ---- a kernel ------------------------------------------------------------------------------ */

/* All at link addresses; per-CPU ones below the kernel's half. */
static const struct {
	const char *name;
	char type;
	uint64_t addr;
} symbols[] = {
	{ "cpu_number", 'D', 0x1c0 },
	{ "_stext", 'T', KERNEL_LINK },
	{ "linux_banner", 'D', KERNEL_LINK + 0x100 },
	{ "init_uts_ns", 'D', KERNEL_LINK + 0x300 },
	{ "map_idr", 'd', KERNEL_LINK + 0x600 },
};

#define TOP_TABLE_LINK (KERNEL_LINK - KERNEL_PHYS + MACHINE_ROOT)
#define INFO_AT        0x10000ull
#define NAMES_OFF      0x2000ull /* from _stext, as all below */
#define TOKENS_OFF     0x3000ull
#define INDEX_OFF      0x4000ull
#define OFFSETS_OFF    0x5000ull
#define BASE_OFF       0x6000ull
#define COUNT_OFF      0x6008ull

static uint64_t moved(uint64_t addr, uint64_t slide)
{
	return addr >> 63 ? addr + slide : addr;
}

/* Each token is one character. */
static void put_tokens(struct machine *m)
{
	char table[512] = "";
	uint16_t index[256];

	for (unsigned i = 0; i < 256; i++) {
		index[i] = 2 * i;
		table[2 * i] = i;
	}
	machine_put(m, KERNEL_PHYS + TOKENS_OFF, table, sizeof(table));
	machine_put(m, KERNEL_PHYS + INDEX_OFF, index, sizeof(index));
}

static void put_kallsyms(struct machine *m, const struct kernel_plan *plan)
{
	uint64_t base = plan->from_base ? 0 : KERNEL_LINK + plan->slide;
	uint64_t at = KERNEL_PHYS + NAMES_OFF;
	uint32_t n = 0, first = plan->from_base;

	if (plan->from_base)
		base = KERNEL_LINK + plan->slide;
	for (size_t i = first; i < ARRAY_SIZE(symbols); i++, n++) {
		uint64_t addr = moved(symbols[i].addr, plan->slide);
		uint32_t off = plan->from_base ? addr - base : addr >> 63 ? base - 1 - addr : addr;
		char name[64];
		int len = snprintf(name, sizeof(name), "_%c%s", symbols[i].type, symbols[i].name);

		name[0] = len - 1;
		machine_put(m, at, name, len);
		machine_put(m, KERNEL_PHYS + OFFSETS_OFF + 4 * n, &off, 4);
		at += len;
	}
	machine_put64(m, KERNEL_PHYS + BASE_OFF, base);
	machine_put(m, KERNEL_PHYS + COUNT_OFF, &n, 4);
	put_tokens(m);
}

static int put_symbol_line(char *buf, size_t cap, const char *name, uint64_t addr)
{
	return snprintf(buf, cap, "SYMBOL(%s)=%llx\n", name, (unsigned long long)addr);
}

static void put_info(struct machine *m, const struct kernel_plan *plan)
{
	static const struct {
		const char *name;
		uint64_t off;
	} tables[] = {
		{ "kallsyms_names", NAMES_OFF },        { "kallsyms_token_table", TOKENS_OFF },
		{ "kallsyms_token_index", INDEX_OFF },  { "kallsyms_offsets", OFFSETS_OFF },
		{ "kallsyms_relative_base", BASE_OFF }, { "kallsyms_num_syms", COUNT_OFF },
	};
	char text[4096];
	size_t n = snprintf(text, sizeof(text), "OSRELEASE=%s\n", plan->release ?: "6.9.1-made");

	if (plan->build_id)
		n += snprintf(text + n, sizeof(text) - n, "BUILD-ID=%s\n", plan->build_id);
	n += put_symbol_line(text + n, sizeof(text) - n, "swapper_pg_dir",
			     TOP_TABLE_LINK + plan->slide);
	n += put_symbol_line(text + n, sizeof(text) - n, "_stext", KERNEL_LINK + plan->slide);
	n += put_symbol_line(text + n, sizeof(text) - n, "init_uts_ns",
			     KERNEL_LINK + 0x300 + plan->slide);
	for (size_t i = 0; i < ARRAY_SIZE(tables) && !plan->without_symbols; i++)
		n += put_symbol_line(text + n, sizeof(text) - n, tables[i].name,
				     KERNEL_LINK + plan->slide + tables[i].off);
	snprintf(text + n, sizeof(text) - n,
		 "OFFSET(uts_namespace.name)=0\nNUMBER(phys_base)=%lld\n"
		 "NUMBER(pgtable_l5_enabled)=%d\nKERNELOFFSET=%llx\n",
		 (long long)(KERNEL_PHYS - (KERNEL_LINK + plan->slide - KERNEL_MAP)),
		 plan->levels == 5, (unsigned long long)plan->slide);
	machine_put(m, INFO_AT, text, strlen(text) + 1);
}

void machine_boot(struct machine *m, const struct kernel_plan *plan)
{
	for (uint64_t off = 0; off < 0x8000; off += PAGE_BYTES)
		machine_map(m, KERNEL_LINK + plan->slide + off, KERNEL_PHYS + off, 12);
	machine_map(m, TOP_TABLE_LINK + plan->slide, MACHINE_ROOT, 12);
	/* Text that looks like it and is not it. */
	machine_put(m, 0x20010, KERNEL_BANNER, sizeof(KERNEL_BANNER));
	machine_put(m, KERNEL_PHYS + 0x100, KERNEL_BANNER, sizeof(KERNEL_BANNER));
	machine_put(m, KERNEL_PHYS + 0x300 + 130, "6.9.1-made", 11);
	put_kallsyms(m, plan);
	if (!plan->without_info)
		put_info(m, plan);
}

void machine_write_text(const char *path, uint64_t slide)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++)
		fprintf(f, "%016llx %c %s\n", (unsigned long long)moved(symbols[i].addr, slide),
			symbols[i].type, symbols[i].name);
	fprintf(f, "%016llx D init_top_pgt\n", (unsigned long long)(TOP_TABLE_LINK + slide));
	fprintf(f, "%016llx t of_module\t[module]\n", (unsigned long long)(KERNEL_LINK + slide));
	assert_int_equal(fclose(f), 0);
}

/* ---- vmlinux ------------------------------------------------------------------------------- */

static GElf_Shdr *add_section(Elf *elf, void *data, size_t len, Elf_Type type, GElf_Shdr *sh)
{
	Elf_Scn *scn = elf_newscn(elf);
	Elf_Data *d = elf_newdata(scn);

	d->d_buf = data;
	d->d_size = len;
	d->d_type = type;
	d->d_align = 4;
	assert_non_null(gelf_getshdr(scn, sh));
	return sh;
}

static void update(Elf *elf, size_t index, GElf_Shdr *sh)
{
	assert_true(gelf_update_shdr(elf_getscn(elf, index), sh));
}

static void add_all(Elf *elf, char *text, uint8_t *note, Elf64_Sym *sym, char *names)
{
	size_t n = ARRAY_SIZE(symbols) + 1, used = 1;
	GElf_Shdr sh;

	for (size_t i = 0; i <= ARRAY_SIZE(symbols); i++) {
		bool top = i == ARRAY_SIZE(symbols);

		sym[i + 1] = (Elf64_Sym){ .st_name = used,
					  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
					  .st_shndx = 1,
					  .st_value = top ? TOP_TABLE_LINK : symbols[i].addr };
		used += sprintf(names + used, "%s", top ? "init_top_pgt" : symbols[i].name) + 1;
	}
	add_section(elf, text, 0x200, ELF_T_BYTE, &sh);
	sh.sh_type = SHT_PROGBITS;
	sh.sh_addr = KERNEL_LINK;
	update(elf, 1, &sh);
	add_section(elf, note, 36, ELF_T_BYTE, &sh);
	sh.sh_type = SHT_NOTE;
	update(elf, 2, &sh);
	add_section(elf, sym, (n + 1) * sizeof(*sym), ELF_T_SYM, &sh);
	sh.sh_type = SHT_SYMTAB;
	sh.sh_link = 4;
	sh.sh_entsize = sizeof(*sym);
	update(elf, 3, &sh);
	add_section(elf, names, used, ELF_T_BYTE, &sh);
	sh.sh_type = SHT_STRTAB;
	update(elf, 4, &sh);
}

void machine_write_vmlinux(const char *path, const char *banner, const uint8_t build_id[20])
{
	_close_ int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	uint8_t note[36] = { 4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0 };
	Elf64_Sym sym[ARRAY_SIZE(symbols) + 2] = { 0 };
	char text[0x200] = "", names[1024] = "";
	GElf_Ehdr eh;
	Elf *elf;

	memcpy(note + 16, build_id, 20);
	snprintf(text + 0x100, 0x100, "%s", banner);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_WRITE, NULL);
	assert_non_null(elf);
	assert_non_null(gelf_newehdr(elf, ELFCLASS64));
	assert_non_null(gelf_getehdr(elf, &eh));
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	eh.e_machine = EM_X86_64;
	eh.e_type = ET_EXEC;
	assert_true(gelf_update_ehdr(elf, &eh));
	add_all(elf, text, note, sym, names);
	assert_true(elf_update(elf, ELF_C_WRITE) > 0);
	elf_end(elf);
}
