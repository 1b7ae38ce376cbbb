// SPDX-License-Identifier: MIT
/* listing.c - a list of names for a message, cut where it would grow too long. */
#include "report/listing.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void list_add(struct list *l, const char *fmt, ...)
{
	char item[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(item, sizeof(item), fmt, ap);
	va_end(ap);
	if (l->len + strlen(item) + 8 > sizeof(l->text)) {
		if (!l->n || l->text[l->len - 1] != '.')
			l->len += snprintf(l->text + l->len, sizeof(l->text) - l->len, ", ...");
	} else {
		l->len += snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s%s",
				   l->n ? ", " : "", item);
	}
	l->n++;
}

const char *list_text(const struct list *l)
{
	return l->n ? l->text : "none";
}
