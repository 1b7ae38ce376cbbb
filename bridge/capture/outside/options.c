// SPDX-License-Identifier: MIT
/* options.c - cut at commas and equal signs. */
#include "capture/outside/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void outside_options_fini(struct outside_options *o)
{
	free(o->text);
	*o = (struct outside_options){ 0 };
}

const char *outside_option(const struct outside_options *o, const char *key)
{
	for (unsigned i = 0; i < o->n; i++)
		if (!strcmp(o->key[i], key))
			return o->value[i];
	return NULL;
}

static int refuse_key(const char *key, const char *const *takes, struct ksnap_err *err)
{
	char list[128] = "";

	for (size_t i = 0, len = 0; takes[i] && len < sizeof(list); i++)
		len += snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", takes[i]);
	return err_set(err, KSNAP_E_ARG, "no option is called '%s'; there are: %s", key, list);
}

static int take_pair(struct outside_options *o, char *pair, const char *const *takes,
		     struct ksnap_err *err)
{
	char *value = strchr(pair, '=');
	size_t i = 0;

	if (value)
		*value++ = 0;
	while (takes[i] && strcmp(takes[i], pair))
		i++;
	if (!takes[i])
		return refuse_key(pair, takes, err);
	if (!value || !*value)
		return err_set(err, KSNAP_E_ARG, "%s needs a value: %s=...", pair, pair);
	if (outside_option(o, pair) || o->n == OUTSIDE_OPTIONS)
		return err_set(err, KSNAP_E_ARG, "%s is given twice", pair);
	o->key[o->n] = takes[i];
	o->value[o->n++] = value;
	return 0;
}

static int parse(struct outside_options *o, const char *form, const char *const *takes,
		 struct ksnap_err *err)
{
	char *rest = o->text, *piece = strsep(&rest, ",");
	int ret = 0;

	o->first = piece;
	if (!*piece)
		return err_set(err, KSNAP_E_ARG, "a file is missing: %s", form);
	while (!ret && (piece = strsep(&rest, ",")))
		ret = take_pair(o, piece, takes, err);
	if (!ret && outside_option(o, "vmlinux") && outside_option(o, "kallsyms"))
		ret = err_set(err, KSNAP_E_ARG, "vmlinux and kallsyms both give symbols: take one");
	return ret;
}

int outside_options_parse(struct outside_options *o, const char *form, const char *text,
			  const char *const *takes, struct ksnap_err *err)
{
	int ret;

	*o = (struct outside_options){ .text = strdup(text) };
	if (!o->text)
		return err_nomem(err);
	ret = parse(o, form, takes, err);
	if (ret)
		outside_options_fini(o);
	return ret;
}
