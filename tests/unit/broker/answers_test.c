// SPDX-License-Identifier: MIT
/* answers_test.c - answers are found by id until they are too old, too many or too large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "broker/answers.h"

static uint64_t now = 1;
static uint64_t forgotten;

static uint64_t mono(void)
{
	return now;
}

static int64_t real(void)
{
	return 0;
}

static const struct clock_source still = { mono, real };

static struct wire_id number(uint64_t n)
{
	return (struct wire_id){ .kind = WIRE_ID_UINT, .num = n };
}

static struct wire_id word(const char *s)
{
	struct wire_id id = { .kind = WIRE_ID_STR, .len = strlen(s) };

	memcpy(id.str, s, id.len);
	return id;
}

static void add(struct answer_log *log, struct wire_id id, size_t size)
{
	static const char bytes[(1 << 20) + 1];
	struct ksnap_blob *blob = size ? ksnap_blob_copy(bytes, size) : NULL;

	answer_log_add(log, &id, blob, now);
	ksnap_blob_unref(blob);
}

static enum answer_found find(const struct answer_log *log, struct wire_id id)
{
	struct ksnap_blob *blob;

	return answer_log_find(log, &id, &blob);
}

static void an_empty_log_has_nothing(void **state)
{
	struct answer_log *log = answer_log_create();

	assert_int_equal(find(log, number(0)), ANSWER_NONE);
	assert_int_equal(find(log, word("")), ANSWER_NONE);
	answer_log_close(log);
	answer_log_close(NULL);
	answer_logs_destroy(NULL);
}

static void ids_of_different_kinds_are_different(void **state)
{
	struct answer_log *log = answer_log_create();

	add(log, number(0), 10);
	add(log, word("a"), 0);
	assert_int_equal(find(log, number(0)), ANSWER_KEPT);
	assert_int_equal(find(log, word("")), ANSWER_NONE);
	assert_int_equal(find(log, word("a")), ANSWER_GIVEN);
	assert_int_equal(find(log, word("ab")), ANSWER_NONE);
	assert_int_equal(find(log, number('a')), ANSWER_NONE);
	answer_log_close(log);
}

static void the_newest_of_an_id_counts(void **state)
{
	struct answer_log *log = answer_log_create();

	add(log, number(1), 10);
	add(log, number(1), 0);
	assert_int_equal(find(log, number(1)), ANSWER_GIVEN);
	answer_log_close(log);
}

static void old_ones_are_not_found(void **state)
{
	struct answer_log *log = answer_log_create();

	add(log, number(1), 10);
	now += 60 * NS_PER_S;
	assert_int_equal(find(log, number(1)), ANSWER_KEPT);
	now++;
	assert_int_equal(find(log, number(1)), ANSWER_NONE);
	answer_log_close(log);
}

static void count_and_bytes_are_bounded(void **state)
{
	struct answer_log *log = answer_log_create();

	for (uint64_t i = 0; i < 257; i++)
		add(log, number(i), 1);
	assert_int_equal(find(log, number(0)), ANSWER_NONE);
	assert_int_equal(find(log, number(1)), ANSWER_KEPT);
	add(log, word("half"), 1 << 19);
	add(log, word("other half"), 1 << 19);
	assert_int_equal(find(log, number(256)), ANSWER_NONE);
	assert_int_equal(find(log, word("half")), ANSWER_KEPT);
	add(log, word("more"), 1);
	assert_int_equal(find(log, word("half")), ANSWER_NONE);
	add(log, word("too large"), (1 << 20) + 1);
	assert_int_equal(find(log, word("too large")), ANSWER_GIVEN);
	assert_int_equal(find(log, word("more")), ANSWER_KEPT);
	answer_log_close(log);
}

/* 0x01 and 0x0100 share a chain, as all of such pairs do. */
static void ids_that_share_a_chain_leave_by_age(void **state)
{
	struct answer_log *log = answer_log_create();

	for (uint64_t n = 1; n <= 1000; n++)
		add(log, number(n & 1 ? n : n << 8), 10);
	for (uint64_t n = 1; n <= 1000; n++)
		assert_int_equal(find(log, number(n & 1 ? n : n << 8)),
				 n > 1000 - 256 ? ANSWER_KEPT : ANSWER_NONE);
	for (uint64_t n = 0; n < 600; n++)
		add(log, number(n << 16 | n << 8), 10);
	assert_int_equal(find(log, number(343 << 16 | 343 << 8)), ANSWER_NONE);
	assert_int_equal(find(log, number(344 << 16 | 344 << 8)), ANSWER_KEPT);
	assert_int_equal(find(log, number(999)), ANSWER_NONE);
	answer_log_close(log);
}

static void a_named_client_finds_its_log_again(void **state)
{
	struct answer_logs *all = answer_logs_create(2, &forgotten, NULL);
	struct answer_log *log = answer_log_open(all, "", wire_slice_of("a"), 1);

	add(log, number(1), 10);
	assert_ptr_equal(answer_log_open(all, "", wire_slice_of("a"), 1), log);
	answer_log_close(log);
	answer_log_close(log);
	log = answer_log_open(all, "", wire_slice_of("a"), 2);
	assert_int_equal(find(log, number(1)), ANSWER_NONE);
	answer_log_close(log);
	log = answer_log_open(all, "", wire_slice_of("a"), 1);
	assert_int_equal(find(log, number(1)), ANSWER_KEPT);
	answer_log_close(log);
	answer_logs_destroy(all);
}

static void logs_of_the_absent_are_bounded(void **state)
{
	struct answer_logs *all = answer_logs_create(2, &forgotten, NULL);
	const char *const names[] = { "used", "first", "second", "third" };
	struct answer_log *used = NULL;
	uint64_t before = forgotten;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct answer_log *log = answer_log_open(all, "", wire_slice_of(names[i]), 0);

		add(log, number(1), 10);
		used = i ? used : log;
		if (i)
			answer_log_close(log);
	}
	assert_int_equal(forgotten - before, 1);
	assert_ptr_equal(answer_log_open(all, "", wire_slice_of("used"), 0), used);
	assert_int_equal(find(answer_log_open(all, "", wire_slice_of("third"), 0), number(1)),
			 ANSWER_KEPT);
	assert_int_equal(find(answer_log_open(all, "", wire_slice_of("second"), 0), number(1)),
			 ANSWER_KEPT);
	assert_int_equal(find(answer_log_open(all, "", wire_slice_of("first"), 0), number(1)),
			 ANSWER_NONE);
	assert_int_equal(forgotten - before, 1);
	answer_logs_destroy(all);
}

/* Those who are there take no place of those who are away. */
static void a_crowd_does_not_drive_out_the_absent(void **state)
{
	struct answer_logs *all = answer_logs_create(2, &forgotten, NULL);
	const char *const names[] = { "a", "b", "c", "d" };
	struct answer_log *log = answer_log_open(all, "", wire_slice_of("away"), 0);
	uint64_t before = forgotten;

	add(log, number(1), 10);
	answer_log_close(log);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		answer_log_open(all, "", wire_slice_of(names[i]), 0);
	assert_int_equal(find(answer_log_open(all, "", wire_slice_of("away"), 0), number(1)),
			 ANSWER_KEPT);
	assert_int_equal(forgotten, before);
	answer_logs_destroy(all);
}

static void a_named_log_takes_what_was_asked_before(void **state)
{
	struct answer_logs *all = answer_logs_create(2, &forgotten, NULL);
	struct answer_log *before = answer_log_create();
	struct answer_log *log = answer_log_open(all, "", wire_slice_of("a"), 1);
	struct wire_id waits = number(3), waits_too = number(4);
	struct answer_wait first, second, again;

	add(log, number(1), 10);
	assert_true(answer_wait_begin(log, &waits, &first));
	add(before, number(2), 10);
	add(before, word("blobs"), 0);
	assert_true(answer_wait_begin(before, &waits_too, &second));
	answer_log_take(log, before);
	answer_log_close(before);
	assert_int_equal(find(log, number(1)), ANSWER_KEPT);
	assert_int_equal(find(log, number(2)), ANSWER_KEPT);
	assert_int_equal(find(log, word("blobs")), ANSWER_GIVEN);
	assert_false(answer_wait_begin(log, &waits, &again));
	assert_false(answer_wait_begin(log, &waits_too, &again));
	answer_wait_end(&second);
	assert_true(answer_wait_begin(log, &waits_too, &second));
	assert_false(answer_wait_begin(log, &waits, &again));
	answer_logs_destroy(all);
}

/* It is as old as its newest, in whatever order they came to it. */
static void a_log_is_kept_while_one_of_its_answers_counts(void **state)
{
	struct answer_logs *all = answer_logs_create(3, &forgotten, NULL);
	struct answer_log *before = answer_log_create();
	struct answer_log *log;

	add(before, number(1), 10);
	now += 50 * NS_PER_S;
	log = answer_log_open(all, "", wire_slice_of("a"), 1);
	add(log, number(2), 10);
	answer_log_take(log, before);
	answer_log_close(before);
	answer_log_close(log);
	now += 50 * NS_PER_S;
	answer_log_close(answer_log_open(all, "", wire_slice_of("b"), 1));
	log = answer_log_open(all, "", wire_slice_of("a"), 1);
	assert_int_equal(find(log, number(1)), ANSWER_NONE);
	assert_int_equal(find(log, number(2)), ANSWER_KEPT);
	answer_logs_destroy(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_log_has_nothing),
		cmocka_unit_test(ids_of_different_kinds_are_different),
		cmocka_unit_test(the_newest_of_an_id_counts),
		cmocka_unit_test(old_ones_are_not_found),
		cmocka_unit_test(count_and_bytes_are_bounded),
		cmocka_unit_test(ids_that_share_a_chain_leave_by_age),
		cmocka_unit_test(a_named_client_finds_its_log_again),
		cmocka_unit_test(logs_of_the_absent_are_bounded),
		cmocka_unit_test(a_crowd_does_not_drive_out_the_absent),
		cmocka_unit_test(a_named_log_takes_what_was_asked_before),
		cmocka_unit_test(a_log_is_kept_while_one_of_its_answers_counts),
	};

	clock_replace(&still);
	return cmocka_run_group_tests_name("answers", tests, NULL, NULL);
}
