/* SPDX-License-Identifier: MIT */
/* code_names.h - names for addresses of the kernel's code: its own, of modules, of BPF programs.
 *
 * Modules and programs come and go while a watch is armed, and others lie where they were. Whoever
 * asks for one of theirs is told what is there now, or nothing; what the kernel itself is made of
 * stays where it is. */
#ifndef KSNAP_CAPTURE_LIVE_CODE_NAMES_H
#define KSNAP_CAPTURE_LIVE_CODE_NAMES_H

#include "capture/live/bpf_text.h"
#include "capture/live/ksyms.h"

/* What tells that names are of yesterday. */
struct code_stamp {
	uint32_t link;    /* id of the BPF link that was made last; most have trampolines */
	uint64_t modules; /* how many there are */
};

/* Where the kernel tells of its code. */
struct code_files {
	const char *kallsyms, *modules;
	const char *folders; /* one a module; what is loaded again has a new one */
};

/* Zeroed is empty. */
struct code_names {
	struct ksyms ksyms;
	struct bpf_text text;
	struct code_stamp stamp; /* of ksyms */
	struct buf folders;      /* uint64_t each, inode of a module's folder, of ksyms, too */
	uint64_t looked_ns;      /* CLOCK_MONOTONIC: programs that were loaded before are known */
	uint64_t rest_ns;        /* CLOCK_MONOTONIC: kallsyms is not read again before */
	uint64_t sure_ns;        /* CLOCK_MONOTONIC: ksyms, as far as of sure, was true then */
	const char *sure;        /* "module]", in names */
	const struct code_files *files; /* NULL: the running kernel's */
};

void code_names_fini(struct code_names *n);
/* Read all of it anew. 0, or a negative code: as ksyms_load. */
int code_names_read(struct code_names *n, struct ksnap_err *err);
/* The same unless it was read before: what changed since is read when it is asked for. */
int code_names_need(struct code_names *n, struct ksnap_err *err);
/* The function that @addr was in at @mono_ns, and how far; NULL: none is known. Good until the
 * next call of those that are above. */
const char *code_names_find(struct code_names *n, uint64_t addr, uint64_t mono_ns,
			    uint64_t *ret_off);
/* As it was read last, without a question to the kernel; good until it is read again. */
const char *code_names_known(const struct code_names *n, uint64_t addr, uint64_t *ret_off);

#endif
