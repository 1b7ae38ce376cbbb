/* SPDX-License-Identifier: MIT */
/* bpf_text.h - the code of the BPF programs there are: which function an address is in.
 *
 * Where kallsyms tells begins only, the programs themselves tell lengths, so that what lies behind
 * the last byte of one is not taken for it. */
#ifndef KSNAP_CAPTURE_LIVE_BPF_TEXT_H
#define KSNAP_CAPTURE_LIVE_BPF_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct bpf_func {
	uint64_t start;
	uint64_t born_ns; /* CLOCK_BOOTTIME, when its program was loaded */
	uint32_t len, prog;
	uint32_t name; /* offset in names */
};

struct bpf_funcs {
	struct buf all;   /* struct bpf_func each, in order of address */
	struct buf names; /* NUL-terminated, "bpf_prog_TAG_NAME [bpf]" as in kallsyms */
};

/* Zeroed is empty. */
struct bpf_text {
	struct bpf_funcs now;
	struct bpf_funcs was; /* the reading before, for what ended between the two */
	uint64_t read_ns;     /* CLOCK_BOOTTIME of the reading of now */
	uint32_t newest;      /* id of the program that was loaded last */
};

void bpf_text_fini(struct bpf_text *t);
/* Was a program loaded since the last reading? One question to the kernel. */
bool bpf_text_is_behind(const struct bpf_text *t);
/* Read anew; of programs that are known already nothing is asked. What cannot be read has no
 * names. */
void bpf_text_read(struct bpf_text *t);
/* The function that @addr was in at @boot_ns, and how far; NULL: in none that is known. */
const char *bpf_text_find(const struct bpf_text *t, uint64_t addr, uint64_t boot_ns,
			  uint64_t *ret_off);

#endif
