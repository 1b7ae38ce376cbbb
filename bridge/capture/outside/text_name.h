/* SPDX-License-Identifier: MIT */
/* text_name.h - the function that an address is in: the kernel's, or a BPF program. */
#ifndef KSNAP_CAPTURE_OUTSIDE_TEXT_NAME_H
#define KSNAP_CAPTURE_OUTSIDE_TEXT_NAME_H

#include "capture/outside/kernel.h"

/* "do_writev+0x1f", "bpf_prog_1234_see+0x4e [bpf]". False: nothing is known there. */
bool text_name(struct kernel *k, uint64_t addr, char *buf, size_t cap);

#endif
