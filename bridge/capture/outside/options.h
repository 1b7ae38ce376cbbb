/* SPDX-License-Identifier: MIT */
/* options.h - the name of a target that is a file: FILE,key=value,... */
#ifndef KSNAP_CAPTURE_OUTSIDE_OPTIONS_H
#define KSNAP_CAPTURE_OUTSIDE_OPTIONS_H

#include "ksnap.h"

#define OUTSIDE_OPTIONS 8

struct outside_options {
	char *text;        /* the whole, cut into pieces */
	const char *first; /* what stands before the first comma */
	const char *key[OUTSIDE_OPTIONS], *value[OUTSIDE_OPTIONS];
	unsigned n;
};

/* @takes: the keys there are, NULL-terminated. @form, such as "core:FILE", is named when the first
 * is missing. E_ARG; @o is empty then. */
int outside_options_parse(struct outside_options *o, const char *form, const char *text,
			  const char *const *takes, struct ksnap_err *err);
void outside_options_fini(struct outside_options *o);
/* The value of @key, or NULL. */
const char *outside_option(const struct outside_options *o, const char *key);

#endif
