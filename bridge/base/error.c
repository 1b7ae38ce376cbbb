// SPDX-License-Identifier: MIT
/* error.c - error values: their texts, and the table of codes from schemas/errors.lua. */
#include "config.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

// clang-format off
#define ERROR(code, number, class, retry, doc) \
	_Static_assert(KSNAP_##code == -(number), "ksnap.h and schemas/errors.lua differ: " #code);
#include "schemas/errors.inc"
#undef ERROR

static const struct code {
	int value;
	const char *name, *class;
	bool retry;
} codes[] = {
#define ERROR(code, number, class, retry, doc) { -(number), #code, class, retry },
#include "schemas/errors.inc"
#undef ERROR
};
// clang-format on

#define NCODES (sizeof(codes) / sizeof(codes[0]))

static const struct code *find_code(int value)
{
	for (size_t i = 0; i < NCODES; i++)
		if (codes[i].value == value)
			return &codes[i];
	return value == KSNAP_E_INTERNAL ? NULL : find_code(KSNAP_E_INTERNAL);
}

const char *ksnap_err_name(int code)
{
	return find_code(code)->name;
}

const char *ksnap_err_class(int code)
{
	return find_code(code)->class;
}

bool ksnap_err_retry(int code)
{
	return find_code(code)->retry;
}

int ksnap_err_code(const char *name)
{
	for (size_t i = 0; name && i < NCODES; i++)
		if (!strcmp(codes[i].name, name))
			return codes[i].value;
	return KSNAP_E_INTERNAL;
}

/* The arguments may point into err->text, so it is written last. */
static void store_text(struct ksnap_err *err, int code, const char *text, const char *more)
{
	char whole[KSNAP_ERR_TEXT + 1];
	int len = snprintf(whole, sizeof(whole), "%s%s", text, more);
	size_t cut = KSNAP_ERR_TEXT - 1;

	if (len >= 0 && (size_t)len <= cut)
		cut = (size_t)len;
	else
		cut = utf8_cut(whole, cut);
	utf8_make_printable(whole, cut); /* it may quote what a peer sent */
	memcpy(err->text, whole, cut);
	err->text[cut] = '\0';
	err->code = code;
}

int err_set(struct ksnap_err *err, int code, const char *fmt, ...)
{
	char text[KSNAP_ERR_TEXT + 1];
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	store_text(err, code, text, "");
	return code;
}

int err_errno(struct ksnap_err *err, int code, int errnum, const char *fmt, ...)
{
	char text[KSNAP_ERR_TEXT], more[KSNAP_ERR_TEXT], space[128];
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(more, sizeof(more), ": %s", strerror_r(errnum, space, sizeof(space)));
	store_text(err, code, text, more);
	return code;
}

int err_prefix(struct ksnap_err *err, const char *fmt, ...)
{
	char text[KSNAP_ERR_TEXT], more[KSNAP_ERR_TEXT + 2];
	va_list args;

	if (!err)
		return KSNAP_E_INTERNAL;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(more, sizeof(more), ": %s", err->text);
	store_text(err, err->code, text, more);
	return err->code;
}

int err_nomem(struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_NOMEM, "out of memory");
}
