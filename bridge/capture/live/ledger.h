/* SPDX-License-Identifier: MIT */
/* ledger.h - a map that a small BPF program of our own and the worker both see, and that program.
 *
 * The program is written for one task, loaded, run once and forgotten; what it found is in the
 * ledger's bytes. */
#ifndef KSNAP_CAPTURE_LIVE_LEDGER_H
#define KSNAP_CAPTURE_LIVE_LEDGER_H

#include <linux/bpf.h>

#include "ksnap.h"

#define LEDGER_INSNS 96

struct ledger {
	int fd; /* of the map, for LOAD_VALUE */
	uint8_t *mapped;
	uint32_t size;
	struct bpf_insn insns[LEDGER_INSNS];
	unsigned n; /* instructions so far */
};

/* @size zero bytes. Fini in every case. */
int ledger_init(struct ledger *l, uint32_t size, struct ksnap_err *err);
void ledger_fini(struct ledger *l);

/* Append instructions. */
void ledger_emit(struct ledger *l, const struct bpf_insn *insns, unsigned n);
#define EMIT(l, ...)                                           \
	do {                                                   \
		const struct bpf_insn all[] = { __VA_ARGS__ }; \
		ledger_emit(l, all, ARRAY_SIZE(all));          \
	} while (0)

/* Load what was emitted: a descriptor. @iter: BTF id of the iterator's function, 0: none. E_DENIED;
 * E_TARGET: @what is not let, in the verifier's words. */
int ledger_load(struct ledger *l, enum bpf_prog_type type, uint32_t iter, const char *what,
		struct ksnap_err *err);
/* Load and run once, by hand. */
int ledger_run(struct ledger *l, enum bpf_prog_type type, const char *what, struct ksnap_err *err);

#define _ledger_ __attribute__((cleanup(ledger_fini)))

#endif
