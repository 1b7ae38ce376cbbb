// SPDX-License-Identifier: MIT
/* events.c - raise, keep and drain the events of a bridge. */
#include "core/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"

#define CACHE_LINE  64
#define SPARE_BYTES (sizeof(struct event_node) + (size_t)KSNAP_EVENT_FIELDS * (EVENT_TEXT_MAX + 1))

int events_init(struct events *ev, uint64_t cap, ksnap_event_fn sink, void *arg)
{
	*ev = (struct events){ .cap = cap, .sink = sink, .sink_arg = arg };
	ev->spare = malloc(SPARE_BYTES);
	return ev->spare ? 0 : KSNAP_E_NOMEM;
}

static struct event_node *pop(struct events *ev)
{
	struct event_node *node = ev->head;

	if (!node)
		return NULL;
	ev->head = node->next;
	*(ev->head ? &ev->head->prev : &ev->tail) = NULL;
	ev->kept--;
	ev->text_bytes -= node->text_bytes;
	return node;
}

void events_fini(struct events *ev)
{
	struct event_node *node;

	while ((node = pop(ev)))
		free(node);
	free(ev->spare);
	ev->spare = NULL;
}

/* Length of @s, cut before EVENT_TEXT_MAX without splitting a UTF-8 character. */
static size_t text_len(const char *s)
{
	size_t len = strnlen(s, EVENT_TEXT_MAX + 1);

	if (len <= EVENT_TEXT_MAX)
		return len;
	len = EVENT_TEXT_MAX;
	while (len && ((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static size_t text_size(const struct ksnap_event_field *fields, unsigned n)
{
	size_t size = 0;

	for (unsigned i = 0; i < n; i++) {
		if (fields[i].str)
			size += text_len(fields[i].str) + 1;
	}
	return size;
}

/* Copy @n fields; their strings go to @text. Returns the place behind the last string. */
static char *copy_fields(struct ksnap_event *to, const struct ksnap_event_field *fields, unsigned n,
			 char *text)
{
	to->nfields = n;
	for (unsigned i = 0; i < n; i++) {
		size_t len;

		to->fields[i] = fields[i];
		if (!fields[i].str)
			continue;
		len = text_len(fields[i].str);
		memcpy(text, fields[i].str, len);
		text[len] = '\0';
		to->fields[i].str = text;
		text += len + 1;
	}
	for (unsigned i = n; i < KSNAP_EVENT_FIELDS; i++)
		to->fields[i] = (struct ksnap_event_field){ 0 };
	return text;
}

static void drop_one(struct events *ev)
{
	ev->dropped++;
	ev->untold++;
}

/* The next to leave has lain untouched since it came, and what comes then takes its memory. */
static void fetch_oldest(const struct events *ev)
{
	const char *oldest = (const char *)ev->head;

	for (size_t at = 0; oldest && at < sizeof(struct event_node); at += CACHE_LINE)
		__builtin_prefetch(oldest + at, 1);
}

static void append(struct events *ev, struct event_node *node)
{
	if (ev->kept == ev->cap) {
		free(pop(ev));
		drop_one(ev);
		fetch_oldest(ev);
	}
	node->next = NULL;
	node->prev = ev->tail;
	if (ev->tail)
		ev->tail->next = node;
	else
		ev->head = node;
	ev->tail = node;
	ev->kept++;
	ev->text_bytes += node->text_bytes;
}

void events_raise(struct events *ev, enum ksnap_event_kind kind,
		  const struct ksnap_event_field *fields, unsigned n)
{
	size_t bytes;
	struct event_node *node;

	if (n > KSNAP_EVENT_FIELDS)
		n = KSNAP_EVENT_FIELDS;
	bytes = text_size(fields, n);
	node = malloc(sizeof(*node) + bytes);
	if (!node)
		node = ev->spare;
	node->text_bytes = bytes;
	node->kept = (struct kept){ 0 };
	node->event.seq = ++ev->raised;
	node->event.ts = clock_real_ns();
	node->event.mono = clock_mono_ns();
	node->event.kind = kind;
	copy_fields(&node->event, fields, n, node->text);
	if (ev->sink)
		ev->sink(ev->sink_arg, &node->event);
	if (FAULT_IS(FAULT_LOSE_EVENT) && ev->raised % 100 == 0)
		free(node);
	else if (node == ev->spare)
		drop_one(ev);
	else
		append(ev, node);
}

struct event_node *events_revive(struct events *ev, const struct ksnap_event *event)
{
	size_t bytes = text_size(event->fields, event->nfields);
	struct event_node *node = malloc(sizeof(*node) + bytes);

	if (!node)
		return NULL;
	node->text_bytes = bytes;
	node->kept = (struct kept){ 0 };
	node->event = *event;
	copy_fields(&node->event, event->fields, event->nfields, node->text);
	append(ev, node);
	return node;
}

uint64_t events_first_seq(const struct events *ev)
{
	return ev->head ? ev->head->event.seq : ev->raised + 1;
}

bool events_mark(const struct events *ev, struct ksnap_event *ret)
{
	*ret = (struct ksnap_event){
		.ts = clock_real_ns(),
		.mono = clock_mono_ns(),
		.kind = KSNAP_EV_EVENT_LOG_TRUNCATED,
		.nfields = 1,
		.fields = { EVENT_NUM("dropped_count", ev->untold) },
	};
	return ev->untold;
}

int events_drain(struct events *ev, struct ksnap_event **ret, size_t *ret_n, struct ksnap_err *err)
{
	size_t n = ev->kept + (ev->untold ? 1 : 0);
	struct event_node *node;
	struct ksnap_event *all;
	size_t at = 0;
	char *text;

	if (!n) {
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	all = malloc(n * sizeof(*all) + ev->text_bytes);
	if (!all)
		return err_nomem(err);
	text = (char *)(all + n);
	while ((node = pop(ev))) {
		all[at] = node->event;
		text = copy_fields(&all[at], node->event.fields, node->event.nfields, text);
		free(node);
		at++;
	}
	if (ev->untold)
		events_mark(ev, &all[at]);
	ev->untold = 0;
	*ret = all;
	*ret_n = n;
	return 0;
}

void ksnap_events_free(struct ksnap_event *events, size_t n)
{
	/* The strings live behind the array: see events_drain(). */
	free(events);
}
