/* SPDX-License-Identifier: MIT */
/* btf_sample.h - BTF with a type of every kind, for tests that change its bytes. */
#ifndef KSNAP_TESTS_CAPTURE_BTF_SAMPLE_H
#define KSNAP_TESTS_CAPTURE_BTF_SAMPLE_H

#include <bpf/btf.h>

/* NULL when memory is out. btf__free it. */
struct btf *btf_sample(void);

#endif
