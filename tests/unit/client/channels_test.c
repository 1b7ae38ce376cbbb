// SPDX-License-Identifier: MIT
/* channels_test.c - the table of positions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/channels.h"

static void add(struct channels *t, const char *name, uint64_t next)
{
	struct channel_state *row = NULL;

	assert_int_equal(channels_add(t, name, strlen(name), next, &row, NULL), 0);
	assert_string_equal(row->name, name);
	assert_int_equal(row->next, next);
}

static void names_are_checked(void **state)
{
	struct channels t = { 0 };
	struct channel_state *row = NULL;
	struct ksnap_err err;
	char name[CHANNEL_NAME];

	memset(name, 'x', sizeof(name));
	assert_int_equal(channels_add(&t, "", 0, 1, &row, &err), KSNAP_E_PROTO);
	assert_int_equal(channels_add(&t, name, sizeof(name), 1, &row, &err), KSNAP_E_PROTO);
	assert_int_equal(channels_add(&t, "a\0b", 3, 1, &row, &err), KSNAP_E_PROTO);
	assert_null(row);
	assert_null(channels_find(&t, "", 0));
	assert_null(channels_find(&t, name, sizeof(name)));
	assert_int_equal(channels_add(&t, name, sizeof(name) - 1, 1, &row, &err), 0);
	assert_int_equal(strlen(row->name), sizeof(name) - 1);
	channels_fini(&t);
}

static void rows_are_found_by_whole_name(void **state)
{
	struct channels t = { 0 };

	add(&t, "event/b", 2);
	add(&t, "event/a", 1);
	add(&t, "event/abc", 4);
	add(&t, "event/ab", 3);
	assert_int_equal(channels_find(&t, "event/a", 7)->next, 1);
	assert_int_equal(channels_find(&t, "event/b", 7)->next, 2);
	assert_int_equal(channels_find(&t, "event/abX", 8)->next, 3);
	assert_int_equal(channels_find(&t, "event/abc", 9)->next, 4);
	assert_null(channels_find(&t, "event/", 6));
	assert_null(channels_find(&t, "event/abcd", 10));
	channels_clear(&t);
	assert_null(channels_find(&t, "event/a", 7));
	channels_fini(&t);
}

static void many_rows_up_to_the_limit(void **state)
{
	struct channels t = { 0 };
	struct channel_state *row;
	struct ksnap_err err;
	char name[CHANNEL_NAME];

	for (unsigned i = 0; i < CHANNELS_MAX; i++) {
		snprintf(name, sizeof(name), "%u", i * 7919 % CHANNELS_MAX);
		add(&t, name, i + 1);
	}
	assert_int_equal(channels_add(&t, "one more", 8, 1, &row, &err), KSNAP_E_LIMIT);
	assert_non_null(strstr(err.text, "16384"));
	for (unsigned i = 0; i < CHANNELS_MAX; i++) {
		int len = snprintf(name, sizeof(name), "%u", i * 7919 % CHANNELS_MAX);

		row = channels_find(&t, name, len);
		assert_non_null(row);
		assert_int_equal(row->next, i + 1);
	}
	channels_fini(&t);
}

/* Of a full table those stay that a beat told of, that are new, or that are still wanted. */
static void the_gone_make_room(void **state)
{
	struct channels t = { 0 };
	char name[CHANNEL_NAME];

	for (unsigned i = 0; i < CHANNELS_MAX; i++) {
		snprintf(name, sizeof(name), "%05u", i);
		add(&t, name, 7);
	}
	channels_find(&t, "00005", 5)->until = 9;
	channels_beat(&t);
	channels_beat(&t);
	assert_int_equal(t.n, CHANNELS_MAX); /* as long as there is room enough */
	channels_find(&t, "00002", 5)->next = 8;
	channels_beat(&t);
	add(&t, "new", 1);
	assert_int_equal(t.n, 3);
	assert_int_equal(channels_find(&t, "00002", 5)->next, 8);
	assert_int_equal(channels_find(&t, "00005", 5)->until, 9);
	assert_int_equal(channels_find(&t, "new", 3)->next, 1);
	assert_null(channels_find(&t, "00001", 5));
	channels_fini(&t);
}

static void who_is_behind(void **state)
{
	struct channels t = { 0 };

	assert_null(channels_behind(&t));
	add(&t, "a", 1);
	add(&t, "b", 5);
	assert_null(channels_behind(&t));
	channels_find(&t, "b", 1)->until = 5;
	assert_string_equal(channels_behind(&t)->name, "b");
	channels_find(&t, "b", 1)->next = 6;
	assert_null(channels_behind(&t));
	channels_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(rows_are_found_by_whole_name),
		cmocka_unit_test(many_rows_up_to_the_limit),
		cmocka_unit_test(the_gone_make_room),
		cmocka_unit_test(who_is_behind),
	};

	return cmocka_run_group_tests_name("client/channels", tests, NULL, NULL);
}
