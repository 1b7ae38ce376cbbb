// SPDX-License-Identifier: MIT
/* symbol.c - cut a symbol at its first sign: a colon, a bracket, a dot. */
#include "capture/symbol.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "report/path.h"

static int refuse(const struct symbol *s, const char *what, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_ARG, "symbol '%.100s': %s", s->text, what);
}

static void copy(char to[SYMBOL_MAX], const char *from, size_t len)
{
	memcpy(to, from, len);
	to[len] = 0;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static int take_path(struct symbol *s, const char *text, struct ksnap_err *err)
{
	struct path_step step = { .kind = PATH_FIELD };
	struct path p;
	int ret = 0;

	if (*text == '.' && !text[1])
		return refuse(s, "a field's name is missing behind the last dot", err);
	text += *text == '.';
	copy(s->path, text, strlen(text));
	path_init(&p, s->path);
	while (!ret && step.kind != PATH_END)
		ret = path_next(&p, &step, err);
	return ret;
}

/* A name and the path behind it. */
static int take_name(struct symbol *s, const char *text, struct ksnap_err *err)
{
	size_t len = strcspn(text, ".[");

	if (!len)
		return refuse(s, "a name is missing", err);
	if (memchr(text, ']', len) || memchr(text, ':', len))
		return refuse(s, "a name has neither ']' nor ':' in it", err);
	copy(s->name, text, len);
	return take_path(s, text + len, err);
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int take_bytes(struct symbol *s, const char *hex, size_t len, struct ksnap_err *err)
{
	struct symbol_key *k = &s->key;

	if (!len || len % 2)
		return refuse(s, "hex: takes two digits a byte", err);
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_of(hex[i]), low = hex_of(hex[i + 1]);

		if (high < 0 || low < 0)
			return refuse(s, "hex: takes the digits 0-9 and a-f", err);
		k->bytes[i / 2] = high << 4 | low;
	}
	k->is_bytes = true;
	k->len = len / 2;
	return 0;
}

static void take_text(struct symbol_key *k, const char *text, size_t len, bool is_quoted)
{
	bool minus = len > 1 && text[0] == '-';

	copy((char *)k->bytes, text, len);
	k->len = len;
	if (is_quoted || !path_number(text + minus, len - minus, &k->number))
		return;
	if (minus && k->number > 1ull << 63)
		return;
	k->has_number = true;
	k->is_negative = minus && k->number;
	if (minus)
		k->number = -k->number;
}

/* @text begins with the bracket before the key. */
static int take_element(struct symbol *s, const char *text, struct ksnap_err *err)
{
	struct path_step step;
	struct path p;
	int ret;

	s->kind = SYMBOL_ELEMENT;
	path_init(&p, text);
	ret = path_next(&p, &step, err);
	if (ret)
		return ret;
	if (step.kind == PATH_CPU)
		return refuse(s, "the key stands before [cpu=N]", err);
	if (!step.is_quoted && step.len > 4 && !memcmp(step.name, "hex:", 4))
		ret = take_bytes(s, step.name + 4, step.len - 4, err);
	else
		take_text(&s->key, step.name, step.len, step.is_quoted);
	return ret ? ret : take_path(s, text + p.at, err);
}

/* ---- forms ----------------------------------------------------------------------------------- */

static int parse_address(struct symbol *s, const char *text, struct ksnap_err *err)
{
	s->kind = SYMBOL_ADDRESS;
	if (path_number(text, strlen(text), &s->addr))
		return 0;
	return refuse(s, "an address is 0x and 1 to 16 hex digits", err);
}

static int parse_object(struct symbol *s, const char *name, struct ksnap_err *err)
{
	s->kind = SYMBOL_OBJECT;
	if (!*name)
		return refuse(s, "the object's name is missing", err);
	copy(s->name, name, strlen(name));
	return 0;
}

static int parse_per_cpu(struct symbol *s, const char *rest, struct ksnap_err *err)
{
	const char *at = strchr(rest, '@');
	size_t len = at ? strspn(at + 1, "0123456789") : 0;
	uint64_t cpu = 0;

	s->kind = SYMBOL_PER_CPU;
	if (!at || at == rest)
		return refuse(s, "it is per_cpu:NAME@CPU, then a field", err);
	if (!path_number(at + 1, len, &cpu) || cpu > UINT32_MAX)
		return refuse(s, "a CPU's number stands behind the @", err);
	if (at[1 + len] && at[1 + len] != '.' && at[1 + len] != '[')
		return refuse(s, "'.' or '[' is missing behind the CPU", err);
	if (strcspn(rest, ".[]:") < (size_t)(at - rest))
		return refuse(s, "the CPU stands behind the variable's name: NAME@CPU.field", err);
	copy(s->name, rest, at - rest);
	s->has_cpu = true;
	s->cpu = cpu;
	return take_path(s, at + 1 + len, err);
}

static int parse_by_id(struct symbol *s, const char *rest, struct ksnap_err *err)
{
	size_t len = strspn(rest, "0123456789");
	uint64_t id;

	if (!path_number(rest, len, &id) || !id || id > UINT32_MAX)
		return refuse(s, "id: takes a map's number, from 1", err);
	s->map_id = id;
	if (rest[len] == '[')
		return take_element(s, rest + len, err);
	s->kind = SYMBOL_GLOBAL;
	if (rest[len] == ':')
		return take_name(s, rest + len + 1, err);
	return refuse(s, "behind the map's number comes [KEY], or :NAME of a global", err);
}

static const struct {
	const char *prefix;
	bool keeps; /* the prefix is part of what is parsed */
	int (*parse)(struct symbol *s, const char *rest, struct ksnap_err *err);
} forms[] = {
	{ "0x", true, parse_address },      { "0X", true, parse_address },
	{ "object:", false, parse_object }, { "per_cpu:", false, parse_per_cpu },
	{ "id:", false, parse_by_id },
};

/* No form of its own: what comes first, a colon or a bracket, tells. */
static int parse_named(struct symbol *s, struct ksnap_err *err)
{
	size_t len = strcspn(s->text, ":[");

	if (!s->text[len])
		return take_name(s, s->text, err);
	if (!len)
		return refuse(s, "a name is missing before the first ':' or '['", err);
	copy(s->owner, s->text, len);
	if (s->text[len] == '[')
		return take_element(s, s->text + len, err);
	s->kind = SYMBOL_GLOBAL;
	return take_name(s, s->text + len + 1, err);
}

int symbol_parse(const char *text, struct symbol *ret, struct ksnap_err *err)
{
	size_t len = strlen(text);

	memset(ret, 0, sizeof(*ret));
	if (!len)
		return err_set(err, KSNAP_E_ARG, "symbol: is empty");
	if (len >= SYMBOL_MAX)
		return err_set(err, KSNAP_E_ARG, "symbol: at most %d bytes, it has %zu",
			       SYMBOL_MAX - 1, len);
	copy(ret->text, text, len);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t skip = strlen(forms[i].prefix);

		if (!strncmp(text, forms[i].prefix, skip))
			return forms[i].parse(ret, text + (forms[i].keeps ? 0 : skip), err);
	}
	return parse_named(ret, err);
}

bool symbol_as_name(const struct symbol *element, struct symbol *ret)
{
	if (element->kind != SYMBOL_ELEMENT || element->map_id || element->key.is_bytes)
		return false;
	memset(ret, 0, sizeof(*ret));
	copy(ret->text, element->text, strlen(element->text));
	return !take_name(ret, ret->text, NULL);
}
