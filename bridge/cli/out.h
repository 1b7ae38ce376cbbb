/* SPDX-License-Identifier: MIT */
/* out.h - data to stdout, words to stderr.
 *
 * A stdout that does not take what is written (closed pipe, full disk) is remembered and makes the
 * program fail at its end; commands that run for long ask out_broken(). */
#ifndef KSNAP_CLI_OUT_H
#define KSNAP_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "cli/commands.h"
#include "ksnap.h"

void out_write(const void *data, size_t len);
/* Write @b and empty it. */
void out_buf(struct buf *b);
/* Write and hand to the kernel. */
void out_text(const char *text, size_t len);
void out_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Hand all to the kernel now. */
void out_flush(void);
bool out_broken(void);
/* Flush and say what went wrong, if anything did; the exit code to end with, given @code. */
int out_finish(int code);

/* "ksnap: error: ..." */
void say_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "ksnap: ...", not with -q. */
void say_note(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Say @err's text; returns the exit code of its code. */
int say_err(const struct ksnap_err *err);
/* Say what is wrong with the command line and where help is; returns EXIT_USAGE. */
int say_usage(const struct command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The exit code for a KSNAP_E_* value. */
int exit_code_of(int code);

#endif
