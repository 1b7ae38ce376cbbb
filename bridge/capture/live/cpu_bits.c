// SPDX-License-Identifier: MIT
/* cpu_bits.c - the kernel's lists of CPUs. */
#include "capture/live/cpu_bits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define ONLINE "/sys/devices/system/cpu/online"

/* "7" or "0-3" at *@s, which is moved behind it. */
static bool take_range(const char **s, unsigned long *lo, unsigned long *hi)
{
	char *end;

	if (**s < '0' || **s > '9')
		return false;
	*lo = *hi = strtoul(*s, &end, 10);
	if (*end == '-') {
		if (end[1] < '0' || end[1] > '9')
			return false;
		*hi = strtoul(end + 1, &end, 10);
	}
	*s = end;
	return *lo <= *hi && *hi < CPU_BITS_MAX;
}

int cpu_bits_parse(const char *list, struct cpu_bits *ret, struct ksnap_err *err)
{
	const char *s = list;
	unsigned long lo, hi;

	memset(ret, 0, sizeof(*ret));
	do {
		if (!take_range(&s, &lo, &hi))
			return err_set(err, KSNAP_E_TARGET, "'%.60s' is no list of CPUs", list);
		for (unsigned long c = lo; c <= hi; c++)
			ret->words[c / 64] |= 1ull << (c % 64);
	} while (*s == ',' && s++);
	if (*s && *s != '\n')
		return err_set(err, KSNAP_E_TARGET, "'%.60s' is no list of CPUs", list);
	return 0;
}

int cpu_bits_online(struct cpu_bits *ret, struct ksnap_err *err)
{
	char line[4096];
	FILE *f = fopen(ONLINE, "re");
	bool ok = f && fgets(line, sizeof(line), f);
	int saved = errno;

	if (f)
		fclose(f);
	if (!ok)
		return err_errno(err, KSNAP_E_TARGET, saved, "cannot read " ONLINE);
	return cpu_bits_parse(line, ret, err);
}
