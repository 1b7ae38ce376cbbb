// SPDX-License-Identifier: MIT
/* text_name.c - symbols first, then one program after the other. */
#include "capture/outside/text_name.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "capture/outside/idr.h"

/* Where a program's code is, of its own or of a function in it. */
static bool is_in(struct kernel *k, uint64_t ksym, uint64_t addr, uint64_t *ret_off)
{
	uint64_t start, end;

	if (!kernel_member(k, ksym, k->at.bpf_ksym__start, &start) ||
	    !kernel_member(k, ksym, k->at.bpf_ksym__end, &end) || addr < start || addr >= end)
		return false;
	*ret_off = addr - start;
	return true;
}

static bool name_of_prog(struct kernel *k, uint64_t prog, uint64_t addr, char *buf, size_t cap)
{
	struct layout_member m = k->at.bpf_ksym__name;
	char name[256];
	uint64_t aux, off;

	if (!kernel_member(k, prog, k->at.bpf_prog__aux, &aux) ||
	    !is_in(k, aux + k->at.bpf_prog_aux__ksym.off, addr, &off) ||
	    !space_string(&k->image.space, aux + k->at.bpf_prog_aux__ksym.off + m.off, name,
			  m.size < sizeof(name) ? m.size : sizeof(name)))
		return false;
	name[utf8_sound(name, strlen(name))] = 0;
	snprintf(buf, cap, "%s+0x%llx [bpf]", name, (unsigned long long)off);
	return true;
}

static bool name_in_progs(struct kernel *k, uint64_t addr, char *buf, size_t cap)
{
	_buf_ struct buf rows = BUF_INIT;
	bool found = false;

	if (!k->at.bpf_prog_aux__ksym.size || !k->at.bpf_ksym__name.size ||
	    idr_list(k, k->prog_idr, &rows) < 0)
		return false;
	for (size_t i = 0; !found && i < rows.len; i += sizeof(struct idr_row))
		found = name_of_prog(k, ((struct idr_row *)(rows.data + i))->at, addr, buf, cap);
	return found;
}

bool text_name(struct kernel *k, uint64_t addr, char *buf, size_t cap)
{
	uint64_t off, end;
	const char *name = NULL;

	if (addr >= KERNEL_MAP && (!symbols_find(&k->image.symbols, "_end", &end) || addr < end))
		name = symbols_at(&k->image.symbols, addr, &off);
	if (!name)
		return addr >= KERNEL_MAP && name_in_progs(k, addr, buf, cap);
	snprintf(buf, cap, "%s+0x%llx", name, (unsigned long long)off);
	return true;
}
