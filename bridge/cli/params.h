/* SPDX-License-Identifier: MIT */
/* params.h - build an op's parameters, one named value after the other. */
#ifndef KSNAP_CLI_PARAMS_H
#define KSNAP_CLI_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define PARAMS_MAX 15 /* what a one-byte map header can count */

struct params {
	struct buf buf; /* the encoded map; check buf_ok() through params_ok() */
	unsigned n;     /* keys so far */
};

void params_init(struct params *p);
void params_fini(struct params *p);
static inline bool params_ok(const struct params *p)
{
	return buf_ok(&p->buf);
}
/* A NULL value is left out. */
void params_str(struct params *p, const char *key, const char *value);
void params_uint(struct params *p, const char *key, uint64_t value);
void params_bool(struct params *p, const char *key, bool value);
/* A NULL or empty list is left out. */
void params_list(struct params *p, const char *key, const char *const *values);
/* @value is one encoded object. */
void params_raw(struct params *p, const char *key, const struct buf *value);
/* All that @more has, behind what @p has. */
void params_all(struct params *p, const struct params *more);

#define _params_ __attribute__((cleanup(params_fini)))

#endif
