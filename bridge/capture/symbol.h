/* SPDX-License-Identifier: MIT */
/* symbol.h - what a watch or a kernel op names, cut into its parts.
 *
 * Grammar only: whether anything has the name is for the target to find out.
 *
 *	jiffies_64                   a kernel symbol, or the BPF global that alone has this name
 *	nr.total  hist[3]            the same, and a field of it
 *	probe.bss:nr  probe:nr.total a BPF global of that section, or of that object
 *	tasks[1234].ctx.weight       a field of a map's element; the key is a number, a string (in
 *	                             quotes when it has brackets) or hex:0a1b
 *	counts[7][cpu=1].sum         the value of one CPU, of a per-CPU map
 *	id:12[1234].x  id:12:nr      the same of the map with that id
 *	per_cpu:runqueues@1.nr       a per-CPU variable of the kernel
 *	0xffff888000000000           an address
 *	object:NAME                  an attached BPF object
 */
#ifndef KSNAP_CAPTURE_SYMBOL_H
#define KSNAP_CAPTURE_SYMBOL_H

#include "ksnap.h"

#define SYMBOL_MAX 512 /* bytes of a symbol, with its NUL */

enum symbol_kind {
	SYMBOL_NAME,    /* name, path */
	SYMBOL_GLOBAL,  /* owner or map_id, name, path */
	SYMBOL_ELEMENT, /* owner (the map) or map_id, key, path */
	SYMBOL_PER_CPU, /* name, cpu, path */
	SYMBOL_ADDRESS, /* addr */
	SYMBOL_OBJECT,  /* name */
};

struct symbol_key {
	bool is_bytes;    /* it was hex: */
	bool has_number;  /* it reads as a number; negative ones in two's complement */
	bool is_negative; /* of the number */
	uint64_t number;
	size_t len;                /* of the bytes, or of the text without its quotes */
	uint8_t bytes[SYMBOL_MAX]; /* NUL-terminated when it is text */
};

struct symbol {
	enum symbol_kind kind;
	char text[SYMBOL_MAX]; /* as it was given, for messages */
	char owner[SYMBOL_MAX];
	uint32_t map_id; /* 0: by owner */
	char name[SYMBOL_MAX];
	char path[SYMBOL_MAX]; /* for path_init; "": the whole */
	struct symbol_key key;
	bool has_cpu;
	uint32_t cpu;
	uint64_t addr;
};

/* E_ARG says what is wrong and where it may be looked up. */
int symbol_parse(const char *text, struct symbol *ret, struct ksnap_err *err);

/* "hist[3].n" may be an element of map hist or of the global array hist; this makes the second of
 * the first. False: it can only be an element. */
bool symbol_as_name(const struct symbol *element, struct symbol *ret);

#endif
