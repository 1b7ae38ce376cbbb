// SPDX-License-Identifier: MIT
/* hole.c - a line of the monitor's map of memory. */
#include "capture/guest/hole.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define ABOVE "0000000100000000-"

/* "0000000100000000-000000013fffffff (prio 0, ram): ram @00000000c0000000" */
static uint64_t offset_in_line(const char *line)
{
	size_t len = strcspn(line, "\r\n");
	const char *ram = memmem(line, len, ", ram): ", 8), *at = memchr(line, '@', len);

	return ram && at ? strtoull(at + 1, NULL, 16) : 0;
}

uint64_t hole_in_text(const char *text)
{
	for (const char *at = strstr(text, ABOVE); at; at = strstr(at + 1, ABOVE)) {
		uint64_t offset = offset_in_line(at);

		if (offset)
			return offset;
	}
	return 0;
}

uint64_t hole_find(struct qmp *q, uint64_t deadline)
{
	_free_ char *text = NULL;
	struct json reply;

	if (qmp_call(q, "human-monitor-command", "{\"command-line\": \"info mtree -f\"}", deadline,
		     &reply, NULL))
		return 0;
	text = malloc(reply.len + 1);
	return text && json_string(reply, text, reply.len + 1) ? hole_in_text(text) : 0;
}
