// SPDX-License-Identifier: MIT
/* load_log.c - catch libbpf's words; only their end matters, so a small buffer slides. */
#include "capture/live/load_log.h"

#include <bpf/libbpf.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP 4096
#define TAIL 360 /* leaves room in KSNAP_ERR_TEXT for what failed */

static _Thread_local struct {
	bool is_open;
	size_t len;
	char text[2 * KEEP + 1];
} words;

static void drop_oldest(size_t need)
{
	size_t cut = words.len + need > 2 * KEEP ? words.len + need - 2 * KEEP : 0;

	if (cut > words.len)
		cut = words.len;
	memmove(words.text, words.text + cut, words.len - cut);
	words.len -= cut;
}

static int catch_words(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *line = NULL;
	const char *from;
	int len;

	if (!words.is_open || level == LIBBPF_DEBUG)
		return 0;
	len = vasprintf(&line, fmt, ap);
	if (len < 0)
		return 0;
	from = len > KEEP ? line + len - KEEP : line;
	len = len > KEEP ? KEEP : len;
	drop_oldest(len);
	memcpy(words.text + words.len, from, len);
	words.len += len;
	words.text[words.len] = 0;
	free(line);
	return len;
}

static void take_over(void)
{
	libbpf_set_print(catch_words);
}

void load_log_begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, take_over);
	words.is_open = true;
	words.len = 0;
	words.text[0] = 0;
}

void load_log_end(void)
{
	words.is_open = false;
}

/* libbpf frames the verifier's log and then tells again that it failed; those lines say nothing. */
static bool is_frame(const char *line)
{
	return strstr(line, "-- END PROG LOAD LOG --") || strstr(line, ": failed to load: -") ||
	       !strncmp(line, "libbpf: failed to load object", 29) ||
	       !strncmp(line, "processed ", 10);
}

static char *last_line(char *text)
{
	char *nl = strrchr(text, '\n');

	return nl ? nl + 1 : text;
}

static void trim_end(void)
{
	while (words.len) {
		char *line;

		while (words.len && words.text[words.len - 1] == '\n')
			words.text[--words.len] = 0;
		line = last_line(words.text);
		if (!words.len || !is_frame(line))
			return;
		words.len = line - words.text;
		*line = 0;
	}
}

const char *load_log_tail(void)
{
	char *from;

	trim_end();
	if (words.len <= TAIL)
		return words.text;
	from = words.text + words.len - TAIL;
	return strchr(from, '\n') ? strchr(from, '\n') + 1 : from;
}
