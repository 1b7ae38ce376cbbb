// SPDX-License-Identifier: MIT
/* duration.c - a number and a unit, by table. */
#include "cli/duration.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

static const struct {
	const char *name;
	double ns;
} units[] = {
	{ "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 }, { "d", 86400e9 },
};

#define YEAR_NS (365 * 86400e9)

int duration_parse(const char *text, const char *what, uint64_t *ret_ns, struct ksnap_err *err)
{
	char *end;
	double n = isdigit((unsigned char)text[0]) ? strtod(text, &end) : -1;

	for (size_t i = 0; n >= 0 && i < ARRAY_SIZE(units); i++) {
		double ns = n * units[i].ns;

		if (strcmp(end, units[i].name))
			continue;
		if (!(ns >= 1 && ns <= YEAR_NS))
			return err_set(err, KSNAP_E_ARG, "%s: %s is not above 0 and at most a year",
				       what, text);
		*ret_ns = (uint64_t)ns;
		return 0;
	}
	return err_set(err, KSNAP_E_ARG, "%s: %.64s is no duration; write 200ms, 1.5s, 2m or 1h",
		       what, text);
}
