// SPDX-License-Identifier: MIT
/* log.c - lines to the one sink. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

#define LINE_MAX_BYTES 1024

static log_sink_fn sink;
static enum log_level sink_max;

void log_set_sink(log_sink_fn fn, enum log_level max)
{
	sink = fn;
	sink_max = max;
}

static const char *level_name(enum log_level level)
{
	static const char *const names[] = {
		[LOG_ERROR] = "error",
		[LOG_WARN] = "warning",
		[LOG_INFO] = "info",
		[LOG_DEBUG] = "debug",
	};

	return names[level];
}

void log_to_stderr(enum log_level level, const char *line)
{
	char text[LINE_MAX_BYTES + 64];
	int len = snprintf(text, sizeof(text), "ksnap: %s: %s\n", level_name(level), line);
	int saved = errno;
	ssize_t written;

	if (len >= (int)sizeof(text)) {
		len = (int)utf8_cut(text, sizeof(text) - 2) + 1;
		text[len - 1] = '\n';
	}
	written = write(STDERR_FILENO, text, (size_t)len);
	(void)written; /* there is nobody left to tell */
	errno = saved;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;
	int len;

	if (!sink || level > sink_max)
		return;
	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (len >= (int)sizeof(line))
		line[utf8_cut(line, sizeof(line) - 1)] = '\0';
	for (char *c = line; *c; c++) /* one call is one line, whatever a peer put into its name */
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	utf8_make_printable(line, strlen(line)); /* there are control characters above 0x7f */
	sink(level, line);
}
