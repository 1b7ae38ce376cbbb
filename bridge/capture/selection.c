// SPDX-License-Identifier: MIT
/* selection.c - decide which maps a capture takes. */
#include "capture/selection.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define PREFIX_MAX 8 /* bytes of an object's name that libbpf puts before ".bss" and its like */

static int parse_id(struct selection_rule *r, struct ksnap_err *err)
{
	char *end;
	unsigned long id;

	errno = 0;
	id = strtoul(r->arg, &end, 10);
	if (!isdigit((unsigned char)r->arg[0]) || *end || errno || id == 0 || id > UINT32_MAX)
		return err_set(err, KSNAP_E_ARG,
			       "map selector '%s': id: takes a number from 1 to %u", r->text,
			       UINT32_MAX);
	r->id = id;
	return 0;
}

static int parse_rule(struct selection_rule *r, const char *text, struct ksnap_err *err)
{
	*r = (struct selection_rule){ .text = text, .arg = text };
	if (*r->arg == '!') {
		r->deny = true;
		r->arg++;
	}
	if (!strncmp(r->arg, "id:", 3)) {
		r->kind = SELECT_ID;
		r->arg += 3;
		return parse_id(r, err);
	}
	if (!strncmp(r->arg, "obj:", 4)) {
		r->kind = SELECT_OBJ;
		r->arg += 4;
	}
	if (!*r->arg)
		return err_set(
			err, KSNAP_E_ARG,
			"map selector '%s' is empty: give a glob, id:N or obj:NAME, each with an "
			"optional leading '!'",
			text);
	return 0;
}

int selection_init(struct selection *s, const char *const *patterns, size_t n,
		   struct ksnap_err *err)
{
	int ret;

	s->n = 0;
	s->has_allow = s->has_obj = false;
	if (n > SELECTION_MAX)
		return err_set(err, KSNAP_E_LIMIT, "%zu map selectors, at most %d in one capture",
			       n, SELECTION_MAX);
	for (size_t i = 0; i < n; i++) {
		ret = parse_rule(&s->rules[i], patterns[i], err);
		if (ret)
			return ret;
		s->has_allow |= !s->rules[i].deny;
		s->has_obj |= s->rules[i].kind == SELECT_OBJ;
	}
	s->n = n;
	return 0;
}

static bool rule_names(const struct selection_rule *r, uint32_t id, const char *name,
		       selection_obj_fn obj, void *arg)
{
	switch (r->kind) {
	case SELECT_ID:
		return r->id == id;
	case SELECT_OBJ:
		return obj && obj(arg, r->arg, id, name);
	case SELECT_GLOB:
		break;
	}
	return fnmatch(r->arg, name, 0) == 0;
}

bool selection_takes(struct selection *s, uint32_t id, const char *name, selection_obj_fn obj,
		     void *arg)
{
	bool allowed = !s->has_allow && strncmp(name, SELECTION_OWN, strlen(SELECTION_OWN));
	bool denied = false;

	for (size_t i = 0; i < s->n; i++) {
		struct selection_rule *r = &s->rules[i];

		if (!rule_names(r, id, name, obj, arg))
			continue;
		r->matched++;
		allowed |= !r->deny;
		denied |= r->deny;
	}
	return allowed && !denied;
}

bool selection_denies(const struct selection *s, uint32_t id, const char *name,
		      selection_obj_fn obj, void *arg)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->rules[i].deny && rule_names(&s->rules[i], id, name, obj, arg))
			return true;
	return false;
}

const char *selection_asks_for(struct selection *s, uint32_t id)
{
	for (size_t i = 0; i < s->n; i++) {
		struct selection_rule *r = &s->rules[i];

		if (r->kind != SELECT_ID || r->deny || r->id != id)
			continue;
		r->matched++;
		return r->text;
	}
	return NULL;
}

int selection_report_misses(const struct selection *s, struct report_builder *rb)
{
	int ret = 0;

	for (size_t i = 0; i < s->n && !ret; i++) {
		const struct selection_rule *r = &s->rules[i];

		if (!r->deny && !r->matched)
			ret = report_reason(rb, "no_match", r->text, UINT64_MAX, 0,
					    "no map matches '%s'", r->text);
	}
	return ret;
}

bool selection_section_of(const char *name, const char *obj)
{
	const char *dot = strchr(name, '.');
	size_t len = dot ? dot - name : 0;
	size_t want = strnlen(obj, PREFIX_MAX);

	if (!len || len != want)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = isalnum((unsigned char)obj[i]) || obj[i] == '_' ? obj[i] : '_';

		if (name[i] != c)
			return false;
	}
	return true;
}
