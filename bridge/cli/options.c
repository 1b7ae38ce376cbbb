// SPDX-License-Identifier: MIT
/* options.c - command lines from tables. */
#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

int args_init(struct args *a, int argc, const struct option_row *global, struct ksnap_err *err)
{
	size_t n = (size_t)argc + 1;

	*a = (struct args){ .global = global };
	a->words = calloc(n, sizeof(*a->words));
	a->rest = calloc(n, sizeof(*a->rest));
	if (!a->words || !a->rest) {
		args_fini(a);
		return err_nomem(err);
	}
	return 0;
}

void args_fini(struct args *a)
{
	free(a->seen);
	free(a->words);
	free(a->rest);
	*a = (struct args){ 0 };
}

#define WORD_MAX 32

unsigned word_distance(const char *a, const char *b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t la = strnlen(a, WORD_MAX), lb = strnlen(b, WORD_MAX);

	for (size_t i = 0; i <= la; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
			best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[la][lb];
}

bool word_is_nearer(const char *word, const char *near, unsigned *ret_best)
{
	size_t len = strlen(word);
	bool begins = len >= 2 && strncmp(word, near, len) == 0;
	unsigned distance = begins ? 1 : word_distance(word, near);
	unsigned most = len <= 4 ? 1 : len <= 8 ? 2 : 3;

	if (distance > most || distance >= *ret_best)
		return false;
	*ret_best = distance;
	return true;
}

static const struct option_row *find_long(const struct option_row *rows, const char *name,
					  size_t len)
{
	for (; rows && rows->name; rows++)
		if (strlen(rows->name) == len && memcmp(rows->name, name, len) == 0)
			return rows;
	return NULL;
}

static const struct option_row *find_brief(const struct option_row *rows, char brief)
{
	for (; rows && rows->name; rows++)
		if (rows->brief == brief)
			return rows;
	return NULL;
}

static int refuse_unknown(const struct args *a, const char *name, size_t len, struct ksnap_err *err)
{
	const struct option_row *tables[] = { a->own, a->global };
	const char *near = NULL;
	unsigned best = UINT_MAX;
	char word[64];

	snprintf(word, sizeof(word), "%.*s", (int)len, name);
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct option_row *r = tables[t]; r && r->name; r++)
			if (word_is_nearer(word, r->name, &best))
				near = r->name;
	if (near)
		return err_set(err, KSNAP_E_ARG, "unknown option --%s; did you mean --%s?", word,
			       near);
	return err_set(err, KSNAP_E_ARG, "unknown option --%s", word);
}

static int parse_uint(const struct option_row *row, const char *text, uint64_t *ret,
		      struct ksnap_err *err)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end || errno)
		return err_set(err, KSNAP_E_ARG, "--%s takes a number, not '%s'", row->name, text);
	if (row->max && (v < row->min || v > row->max))
		return err_set(err, KSNAP_E_ARG, "--%s takes %llu to %llu, not %s", row->name,
			       (unsigned long long)row->min, (unsigned long long)row->max, text);
	*ret = v;
	return 0;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (const char *p = choices; *p; p += strcspn(p, "|"), p += *p == '|')
		if (strcspn(p, "|") == len && memcmp(p, text, len) == 0)
			return true;
	return false;
}

static int add_seen(struct args *a, const struct option_row *row, const char *text,
		    struct ksnap_err *err)
{
	struct option_seen *grown, s = { .row = row, .text = text };
	int r = 0;

	if (row->kind == OPTION_UINT)
		r = parse_uint(row, text, &s.num, err);
	else if (row->kind == OPTION_CHOICE && !is_choice(row->value, text))
		r = err_set(err, KSNAP_E_ARG, "--%s takes %s, not '%s'", row->name, row->value,
			    text);
	if (r < 0)
		return r;
	grown = reallocarray(a->seen, a->nseen + 1, sizeof(*grown));
	if (!grown)
		return err_nomem(err);
	a->seen = grown;
	a->seen[a->nseen++] = s;
	return 0;
}

/* "--name", "--name=value", "--name value"; returns words read. */
static int parse_long(struct args *a, char **argv, struct ksnap_err *err)
{
	const char *name = argv[0] + 2, *eq = strchr(name, '=');
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	const struct option_row *row = find_long(a->own, name, len);
	const char *value = eq ? eq + 1 : argv[1];
	int r;

	if (!row)
		row = find_long(a->global, name, len);
	if (!row)
		return refuse_unknown(a, name, len, err);
	if (row->kind == OPTION_FLAG && eq)
		return err_set(err, KSNAP_E_ARG, "--%s takes no value", row->name);
	if (row->kind != OPTION_FLAG && !value)
		return err_set(err, KSNAP_E_ARG, "--%s needs a value: --%s %s", row->name,
			       row->name, row->value);
	r = add_seen(a, row, row->kind == OPTION_FLAG ? NULL : value, err);
	if (r < 0)
		return r;
	return row->kind != OPTION_FLAG && !eq ? 2 : 1;
}

/* "-q", "-qv", "-ojson", "-o json"; returns words read. */
static int parse_brief(struct args *a, char **argv, struct ksnap_err *err)
{
	for (const char *p = argv[0] + 1; *p; p++) {
		const struct option_row *row = find_brief(a->own, *p);
		const char *value = p[1] ? p + 1 : argv[1];
		int r;

		if (!row)
			row = find_brief(a->global, *p);
		if (!row)
			return err_set(err, KSNAP_E_ARG, "unknown option -%c", *p);
		if (row->kind != OPTION_FLAG && !value)
			return err_set(err, KSNAP_E_ARG, "-%c needs a value: -%c %s", *p, *p,
				       row->value);
		r = add_seen(a, row, row->kind == OPTION_FLAG ? NULL : value, err);
		if (r < 0)
			return r;
		if (row->kind != OPTION_FLAG)
			return p[1] ? 1 : 2;
	}
	return 1;
}

int args_parse(struct args *a, char **argv, bool first_word, struct ksnap_err *err)
{
	int i = 0;

	while (argv[i]) {
		int r = 1;

		if (strcmp(argv[i], "--") == 0) {
			for (i++; argv[i]; i++)
				a->rest[a->nrest++] = argv[i];
			break;
		}
		if (strncmp(argv[i], "--", 2) == 0)
			r = parse_long(a, argv + i, err);
		else if (argv[i][0] == '-' && argv[i][1])
			r = parse_brief(a, argv + i, err);
		else
			a->words[a->nwords++] = argv[i];
		if (r < 0)
			return r;
		i += r;
		if (first_word && a->nwords)
			break;
	}
	return i;
}

static const struct option_row *row_of(const struct args *a, const char *name)
{
	const struct option_row *row = find_long(a->own, name, strlen(name));

	if (!row)
		row = find_long(a->global, name, strlen(name));
	assert(row);
	return row;
}

static const struct option_seen *last_seen(const struct args *a, const char *name)
{
	const struct option_row *row = row_of(a, name);

	for (size_t i = a->nseen; i > 0; i--)
		if (a->seen[i - 1].row == row)
			return &a->seen[i - 1];
	return NULL;
}

unsigned args_count(const struct args *a, const char *name)
{
	const struct option_row *row = row_of(a, name);
	unsigned n = 0;

	for (size_t i = 0; i < a->nseen; i++)
		n += a->seen[i].row == row;
	return n;
}

const char *args_string(const struct args *a, const char *name, const char *fallback)
{
	const struct option_seen *s = last_seen(a, name);

	return s ? s->text : fallback;
}

int args_tag(const struct args *a, struct ksnap_err *err)
{
	int r = ksnap_tag_check(a->words[0], strlen(a->words[0]), err);

	return r < 0 ? err_prefix(err, "tag") : 0;
}

uint64_t args_uint(const struct args *a, const char *name, uint64_t fallback)
{
	const struct option_seen *s = last_seen(a, name);

	return s ? s->num : fallback;
}

const char **args_list(const struct args *a, const char *name)
{
	const struct option_row *row = row_of(a, name);
	const char **list = calloc(a->nseen + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; list && i < a->nseen; i++)
		if (a->seen[i].row == row)
			list[n++] = a->seen[i].text;
	return list;
}
