// SPDX-License-Identifier: MIT
/* map_read_test.c - reading one live map: batches and the walk, quiet maps and busy ones.
 *
 * Needs the right to use BPF; KSNAP_TEST_REQUIRE=bpf makes its absence a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/live/map_read.h"

static uint64_t in_a_minute(void)
{
	return clock_mono_ns() + 60 * NS_PER_S;
}

/* ---- the walk ---------------------------------------------------------------------------------
 */

#define KEYS 2000

static const struct map_kind walked = { .is_readable = true, .by_walk = true };

static int make_map(uint32_t n)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "read_me", 4, 8, 2 * KEYS, NULL);

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t v = i * 5;

		assert_int_equal(bpf_map_update_elem(fd, &i, &v, BPF_ANY), 0);
	}
	return fd;
}

static struct read_plan plan(int fd, const struct map_kind *kind, uint64_t deadline)
{
	return (struct read_plan){ .fd = fd,
				   .kind = kind,
				   .key_size = 4,
				   .val_size = 8,
				   .expected = 2 * KEYS,
				   .deadline_mono_ns = deadline };
}

static void free_entries(struct entries *e)
{
	free(e->keys);
	free(e->vals);
}

static void check_unique(const struct entries *e)
{
	bool seen[2 * KEYS] = { 0 };

	for (uint64_t i = 0; i < e->count; i++) {
		uint32_t key;

		memcpy(&key, e->keys + i * 4, 4);
		assert_true(key < 2 * KEYS);
		assert_false(seen[key]);
		seen[key] = true;
	}
}

/* ---- batches ----------------------------------------------------------------------------------
 */

static void a_bad_descriptor_is_told(void **state)
{
	struct read_plan p = plan(-1, map_kind_of(BPF_MAP_TYPE_HASH), in_a_minute());
	struct entries e = { .max_bytes = 1 << 20 };
	struct read_result r;

	assert_int_equal(map_read(&p, &e, &r), 0);
	assert_int_equal(r.end, READ_FAILED);
	assert_int_equal(r.error, EBADF);
	assert_int_equal(e.count, 0);
	free_entries(&e);
}

static void batches_find_all(void **state)
{
	_close_ int fd = make_map(KEYS);
	struct read_plan p = plan(fd, map_kind_of(BPF_MAP_TYPE_HASH), in_a_minute());
	struct entries e = { .max_bytes = 1 << 20 };
	struct read_result r;

	assert_int_equal(map_read(&p, &e, &r), 0);
	assert_int_equal(r.end, READ_DONE);
	assert_int_equal(e.count, KEYS);
	check_unique(&e);
	free_entries(&e);
}

static void batches_stop_for_want_of_room(void **state)
{
	_close_ int fd = make_map(KEYS);
	struct read_plan p = plan(fd, map_kind_of(BPF_MAP_TYPE_HASH), in_a_minute());
	struct entries e = { .max_bytes = 12 * 100 };
	struct read_result r;

	assert_int_equal(map_read(&p, &e, &r), 0);
	assert_int_equal(r.end, READ_ROOM);
	assert_true(e.count <= 100);
	check_unique(&e);
	free_entries(&e);
}

/* A type whose batches may repeat keys is checked for that; here nothing repeats. */
static void repeats_are_looked_for(void **state)
{
	static const struct map_kind repeating = { .is_readable = true, .may_repeat = true };
	_close_ int fd = make_map(KEYS);
	struct read_plan p = plan(fd, &repeating, in_a_minute());
	struct entries e = { .max_bytes = 1 << 20 };
	struct read_result r;

	assert_int_equal(map_read(&p, &e, &r), 0);
	assert_int_equal(r.end, READ_DONE);
	assert_int_equal(e.count, KEYS);
	assert_int_equal(r.duplicates, 0);
	check_unique(&e);
	free_entries(&e);
}

/* ---- the walk ---------------------------------------------------------------------------------
 */

static void walk_finds_all(void **state)
{
	_close_ int fd = make_map(KEYS);
	struct read_plan p = plan(fd, &walked, in_a_minute());
	struct entries e = { .max_bytes = 1 << 20 };
	struct read_result r;

	assert_int_equal(map_read(&p, &e, &r), 0);
	assert_int_equal(r.end, READ_DONE);
	assert_int_equal(e.count, KEYS);
	assert_int_equal(r.duplicates + r.missing + r.restarts, 0);
	check_unique(&e);
	free_entries(&e);
}

static void walk_stops_for_want_of_room(void **state)
{
	_close_ int fd = make_map(KEYS);
	struct read_plan p = plan(fd, &walked, in_a_minute());
	struct entries e = { .max_bytes = 12 * 100 };
	struct read_result r;

	assert_int_equal(map_read(&p, &e, &r), 0);
	assert_int_equal(r.end, READ_ROOM);
	assert_int_equal(e.count, 100);
	free_entries(&e);
}

static void walk_stops_at_the_deadline(void **state)
{
	_close_ int fd = make_map(KEYS);
	struct read_plan p = plan(fd, &walked, clock_mono_ns());
	struct entries e = { .max_bytes = 1 << 20 };
	struct read_result r;

	assert_int_equal(map_read(&p, &e, &r), 0);
	assert_int_equal(r.end, READ_DEADLINE);
	assert_true(e.count < KEYS);
	free_entries(&e);
}

struct churn {
	int fd;
	atomic_bool stop;
};

static void *churn_keys(void *arg)
{
	struct churn *c = arg;
	uint64_t v = 1;

	for (uint32_t i = 0; !atomic_load(&c->stop); i = (i + 1) % KEYS) {
		uint32_t other = KEYS + i;

		bpf_map_delete_elem(c->fd, &i);
		bpf_map_update_elem(c->fd, &other, &v, BPF_ANY);
		bpf_map_delete_elem(c->fd, &other);
		bpf_map_update_elem(c->fd, &i, &v, BPF_ANY);
	}
	return NULL;
}

/* Ends, by itself, without a key twice: that is all a walk over a busy map can promise. */
static void walk_of_a_busy_map_ends(void **state)
{
	struct churn c = { .fd = make_map(KEYS) };
	struct entries e = { .max_bytes = 1 << 20 };
	struct read_plan p = plan(c.fd, &walked, UINT64_MAX);
	struct read_result r;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, churn_keys, &c), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(map_read(&p, &e, &r), 0);
		assert_true(r.end == READ_DONE || r.end == READ_RESTARTED);
		assert_true(r.restarts <= READ_RESTARTS + 1);
		check_unique(&e);
	}
	atomic_store(&c.stop, true);
	pthread_join(thread, NULL);
	free_entries(&e);
	close(c.fd);
}

static int try_bpf(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "try", 4, 8, 1, NULL);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? errno : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_descriptor_is_told),
		cmocka_unit_test(batches_find_all),
		cmocka_unit_test(batches_stop_for_want_of_room),
		cmocka_unit_test(repeats_are_looked_for),
		cmocka_unit_test(walk_finds_all),
		cmocka_unit_test(walk_stops_for_want_of_room),
		cmocka_unit_test(walk_stops_at_the_deadline),
		cmocka_unit_test(walk_of_a_busy_map_ends),
	};
	bool must = strstr(getenv("KSNAP_TEST_REQUIRE") ?: "", "bpf");
	int error = try_bpf();

	if (error) {
		printf(must ? "1..1\nnot ok 1 - BPF cannot be used here: %s\n"
			    : "1..0 # SKIP BPF cannot be used here: %s\n",
		       strerror(error));
		return must;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
