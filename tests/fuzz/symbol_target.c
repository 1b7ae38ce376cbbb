// SPDX-License-Identifier: MIT
/* symbol_target.c - any text as a symbol: its parts are within bounds and sound, or it is refused
 * in words. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/symbol.h"
#include "report/path.h"
#include "targets.h"

static bool is_text(const char s[SYMBOL_MAX])
{
	return memchr(s, 0, SYMBOL_MAX);
}

static bool is_path(const char *text)
{
	struct path_step step;
	struct path p;

	path_init(&p, text);
	do {
		if (path_next(&p, &step, NULL))
			return false;
	} while (step.kind != PATH_END);
	return true;
}

static bool is_sound(const struct symbol *s)
{
	return is_text(s->text) && is_text(s->owner) && is_text(s->name) && is_text(s->path) &&
	       is_path(s->path) && s->key.len <= SYMBOL_MAX;
}

int fuzz_symbol(const uint8_t *data, size_t len)
{
	_free_ char *text = strndup((const char *)data, len);
	struct ksnap_err err = { 0 };
	struct symbol s, name;

	if (!text)
		return 0;
	if (symbol_parse(text, &s, &err)) {
		if (err.code != KSNAP_E_ARG || !err.text[0])
			abort();
		return 0;
	}
	if (!is_sound(&s) || strcmp(s.text, text))
		abort();
	if (symbol_as_name(&s, &name) && (!is_sound(&name) || !*name.name))
		abort();
	return 0;
}
