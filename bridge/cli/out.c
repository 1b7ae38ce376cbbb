// SPDX-License-Identifier: MIT
/* out.c - data to stdout, words to stderr. */
#include "cli/out.h"

#include "cli/connect.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int broken; /* errno of the first failed write; 0: none failed */

static void note_failure(bool failed)
{
	if (failed && !broken)
		broken = errno ? errno : EIO;
}

void out_write(const void *data, size_t len)
{
	if (!broken && len)
		note_failure(fwrite(data, 1, len, stdout) != len);
}

void out_text(const char *text, size_t len)
{
	out_write(text, len);
	out_flush();
}

void out_buf(struct buf *b)
{
	if (!buf_ok(b)) {
		errno = ENOMEM;
		note_failure(true);
	}
	out_write(b->data, b->len);
	buf_clear(b);
}

void out_printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!broken)
		note_failure(vfprintf(stdout, fmt, ap) < 0);
	va_end(ap);
}

void out_flush(void)
{
	if (!broken)
		note_failure(fflush(stdout) != 0);
}

bool out_broken(void)
{
	return broken != 0;
}

int out_finish(int code)
{
	out_flush();
	if (!broken)
		return code;
	say_error("cannot write the output: %s", strerror(broken));
	return code ? code : EXIT_FAILED;
}

static void say(const char *kind, const char *fmt, va_list ap)
{
	char line[2 * KSNAP_ERR_TEXT];
	int n = snprintf(line, sizeof(line), "ksnap: %s", kind);

	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	fprintf(stderr, "%s\n", line);
}

void say_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("error: ", fmt, ap);
	va_end(ap);
}

void say_note(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	if (cli->quiet)
		return;
	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

int say_err(const struct ksnap_err *err)
{
	if (err->code == LINK_TOLD)
		return EXIT_OK;
	say_error("%s: %s", ksnap_err_name(err->code), err->text);
	return exit_code_of(err->code);
}

int say_usage(const struct command *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("error: ", fmt, ap);
	va_end(ap);
	if (c)
		fprintf(stderr, "Usage: ksnap %s %s\n'ksnap help %s' tells more.\n", c->name,
			c->usage, c->name);
	else
		fputs("'ksnap help' lists the commands.\n", stderr);
	return EXIT_USAGE;
}

int exit_code_of(int code)
{
	switch (code) {
	case KSNAP_OK:
		return EXIT_OK;
	case KSNAP_E_ARG:
		return EXIT_USAGE;
	case KSNAP_E_DENIED:
		return EXIT_DENIED;
	case KSNAP_E_UNREACHABLE:
		return EXIT_UNREACHABLE;
	case KSNAP_E_TIMEOUT:
		return EXIT_DEADLINE;
	default:
		return EXIT_FAILED;
	}
}
