// SPDX-License-Identifier: MIT
/* term.c - what the names in messages mean, from the same schemas that the broker is made of. */
#include "cli/term.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "cli/options.h"
#include "cli/watch_end.h"

struct term {
	const char *name, *doc;
	unsigned number;
	const char *about; /* an error's class, an operation's right */
	bool may_pass;     /* an error; the same request may succeed later */
};

// clang-format off
static const struct term errors[] = {
#define ERROR(code, number, class, retry, doc) { #code, doc, number, class, retry },
#include "schemas/errors.inc"
#undef ERROR
};

static const struct term ops[] = {
#define OP(name, number, since, right, blobs, doc) { #name, doc, number, #right, false },
#include "schemas/ops.inc"
#undef OP
};

static const struct term events[] = {
#define EVENT(name, id, number, fields, doc) { #name, doc, number, "", false },
#define EVENT_FIELD(event, i, field, type, required)
#include "schemas/events.inc"
#undef EVENT
#undef EVENT_FIELD
};

static const struct {
	const char *event, *field;
	bool required;
} fields[] = {
#define EVENT(name, id, number, fields, doc)
#define EVENT_FIELD(event, i, field, type, required) { #event, #field, required },
#include "schemas/events.inc"
#undef EVENT
#undef EVENT_FIELD
};
// clang-format on

static const struct term *find(const struct term *terms, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(terms[i].name, name))
			return &terms[i];
	return NULL;
}

static void explain_error(FILE *to, const struct term *t)
{
	fprintf(to, "%s: error %u of class %s\n%s\n%s\n", t->name, t->number, t->about, t->doc,
		t->may_pass ? "The same request may succeed later."
			    : "The same request fails again until something else changes.");
}

static void explain_op(FILE *to, const struct term *t)
{
	fprintf(to, "%s: operation %u, for sessions with the right to ", t->name, t->number);
	for (const char *c = t->about + strlen("RIGHT_"); *c; c++)
		fputc(tolower((unsigned char)*c), to);
	fprintf(to, "\n%s\n", t->doc);
	fprintf(to, "'ksnap describe -o json' has its parameters and its reply.\n");
}

static void explain_event(FILE *to, const struct term *t)
{
	const char *gap = "Fields:";

	fprintf(to, "%s: event %u\n%s\n", t->name, t->number, t->doc);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strcmp(fields[i].event, t->name))
			continue;
		fprintf(to, "%s %s%s", gap, fields[i].field,
			fields[i].required ? "" : " (not always)");
		gap = ",";
	}
	fprintf(to, "%s", gap[0] == ',' ? "\n" : "");
}

static bool explain_limit(FILE *to, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(limit_table); i++) {
		const struct limit_info *l = &limit_table[i];

		if (strcmp(l->name, name))
			continue;
		fprintf(to, "%s: limit of the %s, %" PRIu64 "%s%s\n%s\n", l->name, l->scope,
			l->value, strcmp(l->unit, "count") ? " " : "",
			strcmp(l->unit, "count") ? l->unit : "", l->doc);
		if (*l->change)
			fprintf(to, "To change it: ksnap serve %s\n", l->change);
		if (*l->key)
			fprintf(to, "For one bridge: open_bridge with limits = { %s = N }\n",
				l->key);
		if (!*l->change && !*l->key)
			fprintf(to, "It is the same everywhere.\n");
		return true;
	}
	return false;
}

static bool explain_end(FILE *to, const char *name)
{
	const struct watch_end *e = watch_end_find(name);

	if (e)
		fprintf(to, "%s: why a watch is over\n%c%s.\n", e->word, toupper(*e->why),
			e->why + 1);
	if (e && *e->advice)
		fprintf(to, "%s\n", e->advice);
	if (e)
		fprintf(to, "The event watch_disarmed and the message over have the word.\n");
	return e;
}

static const struct {
	const struct term *terms;
	size_t n;
	void (*explain)(FILE *to, const struct term *t);
} kinds[] = {
	{ errors, ARRAY_SIZE(errors), explain_error },
	{ events, ARRAY_SIZE(events), explain_event },
	{ ops, ARRAY_SIZE(ops), explain_op },
};

bool term_explain(FILE *to, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct term *t = find(kinds[i].terms, kinds[i].n, name);

		if (!t)
			continue;
		kinds[i].explain(to, t);
		if (watch_end_find(name))
			fputc('\n', to);
		explain_end(to, name);
		return true;
	}
	return explain_limit(to, name) || explain_end(to, name);
}

const char *term_near(const char *name)
{
	const char *near = NULL;
	unsigned best = UINT_MAX;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < kinds[k].n; i++)
			if (word_is_nearer(name, kinds[k].terms[i].name, &best))
				near = kinds[k].terms[i].name;
	for (size_t i = 0; i < ARRAY_SIZE(limit_table); i++)
		if (word_is_nearer(name, limit_table[i].name, &best))
			near = limit_table[i].name;
	for (const struct watch_end *e = watch_ends; e->word; e++)
		if (word_is_nearer(name, e->word, &best))
			near = e->word;
	return near;
}
