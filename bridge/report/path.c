// SPDX-License-Identifier: MIT
/* path.c - cut a path into steps. */
#include "report/path.h"

#include <string.h>

#include "base/error.h"

void path_init(struct path *p, const char *text)
{
	*p = (struct path){ .text = text };
}

static int refuse(const struct path *p, size_t at, struct ksnap_err *err, const char *what)
{
	return err_set(err, KSNAP_E_ARG, "path '%s', column %zu: %s", p->text, at + 1, what);
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

bool path_number(const char *s, size_t len, uint64_t *ret)
{
	int base = len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10;
	uint64_t v = 0;

	for (size_t i = base == 16 ? 2 : 0; i < len; i++) {
		int digit = digit_of(s[i]);

		if (digit >= base || __builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*ret = v;
	return len > 0;
}

static int read_field(struct path *p, struct path_step *ret, struct ksnap_err *err)
{
	const char *s = p->text + p->at;
	size_t len = strcspn(s, ".[]");

	if (!len)
		return refuse(p, p->at, err,
			      *s == ']' ? "']' without '['" : "a name is missing here");
	if (s[len] == ']')
		return refuse(p, p->at + len, err, "']' without '['");
	*ret = (struct path_step){ .kind = PATH_FIELD, .name = s, .len = len, .column = p->at + 1 };
	p->at += len;
	return 0;
}

/* The text between the brackets at @s; *ret_next is what follows the closing one, NULL when it is
 * not there. */
static void cut_index(const char *s, struct path_step *ret, const char **ret_next)
{
	bool is_quoted = s[1] == '"';
	const char *body = s + 1 + is_quoted;
	const char *end = is_quoted ? strstr(body, "\"]") : strchr(body, ']');

	ret->name = body;
	ret->is_quoted = is_quoted;
	ret->len = end ? end - body : 0;
	ret->has_number = !is_quoted && end && path_number(body, ret->len, &ret->number);
	*ret_next = end ? end + 1 + is_quoted : NULL;
}

static int read_index(struct path *p, struct path_step *ret, struct ksnap_err *err)
{
	const char *s = p->text + p->at, *next;
	struct path_step step = { .kind = PATH_INDEX, .column = p->at + 1 };

	cut_index(s, &step, &next);
	if (!next)
		return refuse(p, p->at, err, "'[' without ']'");
	if (!step.len)
		return refuse(p, p->at, err, "nothing stands between '[' and ']'");
	if (step.len >= 4 && !memcmp(step.name, "cpu=", 4) && s[1] != '"') {
		step.kind = PATH_CPU;
		if (!path_number(step.name + 4, step.len - 4, &step.number))
			return refuse(p, p->at + 5, err, "a CPU's number is missing here");
	}
	if (*next && *next != '.' && *next != '[')
		return refuse(p, next - p->text, err, "'.' or '[' is missing here");
	p->at = next - p->text;
	*ret = step;
	return 0;
}

int path_next(struct path *p, struct path_step *ret, struct ksnap_err *err)
{
	const char *s = p->text + p->at;

	if (!*s) {
		*ret = (struct path_step){ .kind = PATH_END, .name = s, .column = p->at + 1 };
		return 0;
	}
	if (*s == '[')
		return read_index(p, ret, err);
	if (*s == '.' && p->at > 0) {
		p->at++;
		if (p->text[p->at] == '[')
			return refuse(p, p->at, err, "a name is missing here");
	}
	return read_field(p, ret, err);
}
