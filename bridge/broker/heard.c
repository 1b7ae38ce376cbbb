// SPDX-License-Identifier: MIT
/* heard.c - a few prefixes, looked through one by one; each stands here once. */
#include "broker/heard.h"

#include <string.h>

static struct heard_prefix *find(struct heard *h, const char *text, size_t len)
{
	for (unsigned i = 0; i < h->n; i++) {
		if (h->prefixes[i].len == len && !memcmp(h->prefixes[i].text, text, len))
			return &h->prefixes[i];
	}
	return NULL;
}

static void add(struct heard *h, const char *text, size_t len)
{
	struct heard_prefix *p;

	if (find(h, text, len))
		return;
	if (h->n == HEARD_PREFIXES) {
		h->everything = true;
		return;
	}
	p = &h->prefixes[h->n++];
	p->len = len;
	memcpy(p->text, text, len);
}

static void drop(struct heard *h, const char *text, size_t len)
{
	struct heard_prefix *p = find(h, text, len);

	if (p)
		*p = h->prefixes[--h->n];
}

bool heard_note(struct heard *h, const void *message, size_t len)
{
	const char *text = (const char *)message + 1;
	bool subscribes;

	if (!len || (text[-1] != 0 && text[-1] != 1))
		return false;
	subscribes = text[-1] == 1;
	/* No channel has so long a name. */
	if (len - 1 > HEARD_BYTES)
		return subscribes;
	h->changes++;
	if (subscribes)
		add(h, text, len - 1);
	else
		drop(h, text, len - 1);
	return subscribes;
}

bool heard_is(const struct heard *h, const char *channel)
{
	size_t len = strlen(channel);

	for (unsigned i = 0; i < h->n; i++) {
		const struct heard_prefix *p = &h->prefixes[i];

		if (p->len <= len && !memcmp(p->text, channel, p->len))
			return true;
	}
	return h->everything;
}
