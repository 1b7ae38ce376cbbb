/* SPDX-License-Identifier: MIT */
/* duration.h - "200ms", "1.5s", "2m", "1h" as users write them. */
#ifndef KSNAP_CLI_DURATION_H
#define KSNAP_CLI_DURATION_H

#include <stdint.h>

#include "ksnap.h"

/* E_ARG, beginning with @what: no number and unit, or not above 0 and at most a year. */
int duration_parse(const char *text, const char *what, uint64_t *ret_ns, struct ksnap_err *err);

#endif
