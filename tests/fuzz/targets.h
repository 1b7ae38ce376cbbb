/* SPDX-License-Identifier: MIT */
/* targets.h - one function a parser of foreign bytes. Each takes any bytes and returns 0; a
 * sanitizer or an abort says what is wrong. driver.c makes libFuzzer call one of them, replay.c
 * all. */
#ifndef KSNAP_TESTS_FUZZ_TARGETS_H
#define KSNAP_TESTS_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

typedef int (*fuzz_fn)(const uint8_t *data, size_t len);

/* Any msgpack. */
int fuzz_scan(const uint8_t *data, size_t len);
/* A request and a reply envelope. */
int fuzz_envelope(const uint8_t *data, size_t len);
/* The first byte chooses an op; the rest are its params, and a reply of it. */
int fuzz_params(const uint8_t *data, size_t len);
/* A message between a worker and the broker, either way. */
int fuzz_work(const uint8_t *data, size_t len);
/* The header of a live message, as a beat too. */
int fuzz_live(const uint8_t *data, size_t len);
/* A report: open, look up, render in every form. */
int fuzz_report(const uint8_t *data, size_t len);
/* BTF: convert every type, open and render a report of them. */
int fuzz_btf(const uint8_t *data, size_t len);
/* A path into a report. */
int fuzz_path(const uint8_t *data, size_t len);
/* What a watch or a kernel op names. */
int fuzz_symbol(const uint8_t *data, size_t len);
/* Files that ksnap serve --state left: as records, and as a file. */
int fuzz_state(const uint8_t *data, size_t len);
/* The first byte chooses a kernel op; the rest are its params. */
int fuzz_kernel_op(const uint8_t *data, size_t len);
/* What a gdbstub says. */
int fuzz_gdb(const uint8_t *data, size_t len);

#endif
