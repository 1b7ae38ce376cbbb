/* SPDX-License-Identifier: MIT */
/* kernel_names.h - where the running kernel has its symbols: by its own list, else by a file.
 *
 *   /proc/kallsyms ─ lists it ──────────────────────────────→ address
 *        └─ lists no variables → vmlinux or System.map, proven to be of this kernel, and moved to
 *                                where it runs ─────────────→ address
 *
 * The file is the one that the target was given, or what is found at the usual places. */
#ifndef KSNAP_CAPTURE_LIVE_KERNEL_NAMES_H
#define KSNAP_CAPTURE_LIVE_KERNEL_NAMES_H

#include "capture/memory/symbols.h"
#include "ksnap.h"

struct kernel_names {
	const char *kallsyms, *notes, *root; /* "/proc/kallsyms", "/sys/kernel/notes", "" */
	char release[65];                    /* of the kernel, as the usual places are called */
	char *option;                        /* the file that was named; NULL: none was */
	bool is_text;                        /* that is a System.map, not a vmlinux */
	struct symbols symbols;              /* of the file in use, once one was needed */
	char file[512];                      /* its path; "": none is in use */
	bool is_blind;                       /* nothing here lists variables, it was found */
};

void kernel_names_init(struct kernel_names *k);
void kernel_names_fini(struct kernel_names *k);
/* "", "vmlinux=FILE" or "kallsyms=FILE". E_ARG. */
int kernel_names_options(struct kernel_names *k, const char *options, struct ksnap_err *err);

/* E_NOTFOUND names what is near and where was looked; E_ARG: several have the name, or it is a
 * per-CPU variable; E_TARGET: the list hides its addresses, or the named file is not this kernel's.
 */
int kernel_names_find(struct kernel_names *k, const char *name, uint64_t *ret,
		      struct ksnap_err *err);

/* The same of what no BPF global is called: @no_global says so, and with @is_told what there is
 * instead. How variables of the kernel could be found is then left out. */
int kernel_names_find_other(struct kernel_names *k, const char *name,
			    const struct ksnap_err *no_global, bool is_told, uint64_t *ret,
			    struct ksnap_err *err);

/* What there is, for people: 0 and @buf says by what kernel variables are found; E_NOTFOUND and why
 * they are not; E_TARGET: @err says what is wrong with the named file. */
int kernel_names_source(struct kernel_names *k, char *buf, size_t cap, struct ksnap_err *err);

#endif
