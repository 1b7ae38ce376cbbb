// SPDX-License-Identifier: MIT
/* map_name.c - shorten a name as it was shortened when the map was made. */
#include "report/map_name.h"

#include <ctype.h>
#include <string.h>

#define SUFFIX_MIN 7 /* of these, libbpf keeps at least so many for the section's name */

static void put_kernel_char(char *out, size_t *len, char c)
{
	if (*len < MAP_NAME_KEPT)
		out[(*len)++] = isalnum((unsigned char)c) || c == '_' || c == '.' ? c : '_';
}

/* Bytes of the object's name that libbpf keeps before section @dot ("" when there is none). */
static size_t prefix_room(const char *dot, size_t suffix)
{
	if (!suffix)
		return MAP_NAME_KEPT;
	if (suffix >= MAP_NAME_KEPT || memchr(dot + 1, '.', suffix - 1))
		return 0;
	return MAP_NAME_KEPT - (suffix > SUFFIX_MIN ? suffix : SUFFIX_MIN);
}

/* The name libbpf gives to section ".bss" of object "sched_probe": "sched_pr.bss". */
static void kernel_name(const char *name, size_t len, char out[MAP_NAME_KEPT + 1])
{
	const char *dot = memchr(name, '.', len);
	size_t prefix = dot ? (size_t)(dot - name) : len, suffix = len - prefix;
	size_t room = prefix_room(dot, suffix), n = 0;

	for (size_t i = 0; i < prefix && i < room; i++)
		put_kernel_char(out, &n, name[i]);
	for (size_t i = 0; i < suffix; i++)
		put_kernel_char(out, &n, name[prefix + i]);
	out[n] = '\0';
}

bool map_is_called(const char *map, const char *name, size_t len)
{
	char kernel[MAP_NAME_KEPT + 1];

	if (strlen(map) == len && !memcmp(map, name, len))
		return true;
	kernel_name(name, len, kernel);
	return !strcmp(map, kernel);
}
