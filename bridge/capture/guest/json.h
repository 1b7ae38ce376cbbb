/* SPDX-License-Identifier: MIT */
/* json.h - look into one line of JSON, as QMP has it.
 *
 * Nothing is built: a value is the text it is written as. Broken text is what holds nothing. */
#ifndef KSNAP_CAPTURE_GUEST_JSON_H
#define KSNAP_CAPTURE_GUEST_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct json {
	const char *p;
	size_t len;
};

/* The value of member @key of object @in; false: it is no object, or has none. */
bool json_member(struct json in, const char *key, struct json *ret);
/* The next value of list @in, from *at on, which is 0 at first; false: there is no more. */
bool json_next(struct json in, size_t *at, struct json *ret);
/* A string without its quotes and escapes, cut to @cap; false: it is none. Characters beyond ASCII
 * that are escaped become '?'. */
bool json_string(struct json in, char *buf, size_t cap);
/* Is it written exactly so: true, false, null, a number? */
bool json_is(struct json in, const char *text);

#endif
