// SPDX-License-Identifier: MIT
/* blob_test.c - shared bytes: freed once, by the last owner, whichever thread that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ksnap.h"

#define THREADS 4
#define ROUNDS  20000

static void null_is_accepted(void **state)
{
	ksnap_blob_unref(NULL);
	assert_null(ksnap_blob_ref(NULL));
}

static void impossible_size_is_refused(void **state)
{
	assert_null(ksnap_blob_copy("x", SIZE_MAX));
}

static void copy_is_apart_from_its_source(void **state)
{
	char text[] = "abc";
	struct ksnap_blob *blob = ksnap_blob_copy(text, 3);

	text[0] = 'z';
	assert_memory_equal(ksnap_blob_data(blob), "abc", 3);
	assert_int_equal(ksnap_blob_size(blob), 3);
	ksnap_blob_unref(blob);
	blob = ksnap_blob_copy(NULL, 0);
	assert_int_equal(ksnap_blob_size(blob), 0);
	ksnap_blob_unref(blob);
}

static void count_release(void *data, void *arg)
{
	++*(unsigned *)arg;
	errno = EIO;
}

static void last_reference_releases_once(void **state)
{
	unsigned released = 0;
	char data[4];
	struct ksnap_blob *blob = ksnap_blob_wrap(data, sizeof(data), count_release, &released);

	assert_ptr_equal(ksnap_blob_data(blob), data);
	assert_ptr_equal(ksnap_blob_ref(blob), blob);
	ksnap_blob_unref(blob);
	assert_int_equal(released, 0);
	errno = ENOENT;
	ksnap_blob_unref(blob);
	assert_int_equal(released, 1);
	assert_int_equal(errno, ENOENT);
}

static void *take_and_give(void *blob)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		ksnap_blob_unref(ksnap_blob_ref(blob));
	ksnap_blob_unref(blob);
	return NULL;
}

static void threads_share_it(void **state)
{
	unsigned released = 0;
	char data[4];
	struct ksnap_blob *blob = ksnap_blob_wrap(data, sizeof(data), count_release, &released);
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, take_and_give, ksnap_blob_ref(blob)), 0);
	ksnap_blob_unref(blob);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(released, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_is_accepted),
		cmocka_unit_test(impossible_size_is_refused),
		cmocka_unit_test(copy_is_apart_from_its_source),
		cmocka_unit_test(last_reference_releases_once),
		cmocka_unit_test(threads_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
