// SPDX-License-Identifier: MIT
/* channels.c - how far a subscriber has come on each channel. */
#include "client/channels.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define FIRST_CAP 16

void channels_fini(struct channels *t)
{
	free(t->rows);
	*t = (struct channels){ 0 };
}

void channels_clear(struct channels *t)
{
	t->n = 0;
}

void channels_beat(struct channels *t)
{
	t->beats++;
}

static int compare(const char *name, size_t len, const char *row)
{
	int order = strncmp(name, row, len);

	return order ? order : row[len] ? -1 : 0;
}

/* Index of the first row that is not below @name; *ret_found: it is @name. */
static size_t find_place(const struct channels *t, const char *name, size_t len, bool *ret_found)
{
	size_t low = 0, high = t->n;

	*ret_found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = compare(name, len, t->rows[mid].name);

		if (!order) {
			*ret_found = true;
			return mid;
		}
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static bool is_name(const char *name, size_t len)
{
	return len && len < CHANNEL_NAME && !memchr(name, '\0', len);
}

struct channel_state *channels_find(struct channels *t, const char *name, size_t len)
{
	bool found = false;
	size_t i = is_name(name, len) ? find_place(t, name, len, &found) : 0;

	if (!found)
		return NULL;
	t->rows[i].beat = t->beats;
	return &t->rows[i];
}

/* The broker has closed them, and nothing of them is still wanted. */
static void forget_gone(struct channels *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i].beat + 1 >= t->beats || t->rows[i].until >= t->rows[i].next)
			t->rows[n++] = t->rows[i];
	t->n = n;
}

static int make_room(struct channels *t, struct ksnap_err *err)
{
	size_t cap = t->cap ? 2 * t->cap : FIRST_CAP;
	struct channel_state *rows;

	if (t->n >= CHANNELS_MAX)
		forget_gone(t);
	if (t->n < t->cap)
		return 0;
	if (t->n >= CHANNELS_MAX)
		return err_set(err, KSNAP_E_LIMIT,
			       "the broker has more than %d channels; follow fewer", CHANNELS_MAX);
	rows = realloc(t->rows, cap * sizeof(*rows));
	if (!rows)
		return err_nomem(err);
	t->rows = rows;
	t->cap = cap;
	return 0;
}

int channels_add(struct channels *t, const char *name, size_t len, uint64_t next,
		 struct channel_state **ret, struct ksnap_err *err)
{
	struct channel_state *row;
	bool found;
	int rc;

	if (!is_name(name, len))
		return err_set(err, KSNAP_E_PROTO,
			       "a channel's name has %zu bytes; 1 to %d are allowed, and no NUL",
			       len, CHANNEL_NAME - 1);
	if ((rc = make_room(t, err)))
		return rc;
	row = &t->rows[find_place(t, name, len, &found)];
	memmove(row + 1, row, (t->n - (row - t->rows)) * sizeof(*row));
	*row = (struct channel_state){ .next = next, .beat = t->beats };
	memcpy(row->name, name, len);
	t->n++;
	*ret = row;
	return 0;
}

struct channel_state *channels_behind(struct channels *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i].until >= t->rows[i].next)
			return &t->rows[i];
	return NULL;
}
