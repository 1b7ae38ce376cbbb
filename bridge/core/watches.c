// SPDX-License-Identifier: MIT
/* watches.c - count watch slots so that the limit is never passed, and name their holders. */
#include "core/watches.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

#define HOLDERS_NAMED 3
#define HOLDERS_TEXT  160

void watches_init(struct watches *w, uint64_t cap)
{
	memset(w, 0, sizeof(*w));
	w->cap = cap;
	w->ids = &w->last_id;
}

void watches_fini(struct watches *w)
{
	while (w->rows)
		watches_remove(w, w->rows);
}

int watch_symbol_check(const char *symbol, struct ksnap_err *err)
{
	size_t len = symbol ? strnlen(symbol, WATCH_SYMBOL_MAX + 1) : 0;

	if (!len)
		return err_set(err, KSNAP_E_ARG, "symbol: is empty, name what to watch");
	if (len > WATCH_SYMBOL_MAX)
		return err_set(err, KSNAP_E_ARG, "symbol: longer than %d bytes", WATCH_SYMBOL_MAX);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)symbol[i] < 0x20 || symbol[i] == 0x7f)
			return err_set(err, KSNAP_E_ARG, "symbol: control character at byte %zu",
				       i);
	}
	return 0;
}

struct watch_row *watch_row_create(const char *symbol)
{
	size_t len = strlen(symbol);
	struct watch_row *row = calloc(1, sizeof(*row) + len + 1);

	if (row)
		memcpy(row->symbol, symbol, len + 1);
	return row;
}

bool watches_take_slot(struct watches *w)
{
	uint64_t held = atomic_load(&w->held);

	do {
		if (held >= w->cap)
			return false;
	} while (!atomic_compare_exchange_weak(&w->held, &held, held + 1));
	return true;
}

void watches_give_slot(struct watches *w)
{
	atomic_fetch_sub(&w->held, 1);
}

/* Up to three rows as `7 (jiffies_64)`, and how many more there are. */
static void name_rows(const struct watches *w, char *buf, size_t cap)
{
	const struct watch_row *row = w->rows;
	size_t len = 0, rest = 0;

	snprintf(buf, cap, "nothing");
	for (unsigned i = 0; row && i < HOLDERS_NAMED && len < cap; i++, row = row->next)
		len += snprintf(buf + len, cap - len, "%s%.32s (%" PRIu64 ")", i ? ", " : "",
				row->symbol, row->id);
	for (; row; row = row->next)
		rest++;
	if (rest && len < cap)
		snprintf(buf + len, cap - len, " and %zu more", rest);
}

int watches_full(const struct watches *w, struct ksnap_err *err)
{
	const struct limit_info *limit = &limit_table[LIMIT_ID_MAX_WATCH_SNAPSHOTS];
	char holders[HOLDERS_TEXT];

	name_rows(w, holders, sizeof(holders));
	return err_set(err, KSNAP_E_LIMIT,
		       "%s of this bridge is %" PRIu64 " and all are held, by %s; slot 0 is kept "
		       "for the error trigger; drop a watch or capture by time instead (a bridge's "
		       "own limit: limits.%s of open_bridge or ksnap serve %s)",
		       limit->name, w->cap, holders, limit->key, limit->change);
}

void watches_add(struct watches *w, struct watch_row *row)
{
	struct watch_row **at = &w->rows;

	row->id = atomic_fetch_add(w->ids, 1) + 1;
	row->state = WATCH_ARMING;
	while (*at)
		at = &(*at)->next;
	*at = row;
}

struct watch_row *watches_find(struct watches *w, uint64_t id)
{
	struct watch_row *row = w->rows;

	while (row && row->id != id)
		row = row->next;
	return row;
}

int watches_miss(const struct watches *w, uint64_t id, struct ksnap_err *err)
{
	char held[HOLDERS_TEXT];

	name_rows(w, held, sizeof(held));
	return err_set(err, KSNAP_E_NOTFOUND, "no watch %" PRIu64 "; held: %s", id, held);
}

void watches_remove(struct watches *w, struct watch_row *row)
{
	struct watch_row **at = &w->rows;

	while (*at != row)
		at = &(*at)->next;
	*at = row->next;
	free(row);
	watches_give_slot(w);
}
