// SPDX-License-Identifier: MIT
/* metrics_test.c - a status as OpenMetrics text: no number of what the broker did not tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/metrics.h"
#include "cli/print.h"

#define TOLD    "\x81\xb3refused_connections\x07"
#define NOTHING "\x80"

static void print(struct buf *out, const char *bytes, size_t len)
{
	struct ksnap_err err;
	msgpack_unpacked u;

	assert_int_equal(object_decode(&u, bytes, len, &err), 0);
	metrics_append(out, &u.data);
	buf_append(out, "", 1);
	assert_true(buf_ok(out));
	msgpack_unpacked_destroy(&u);
}

static void what_is_told_has_its_number(void **state)
{
	_buf_ struct buf out = BUF_INIT;

	(void)state;
	print(&out, TOLD, sizeof(TOLD) - 1);
	assert_non_null(strstr((char *)out.data, "\nksnap_refused_connections_total 7\n"));
}

static void what_an_older_broker_does_not_tell_has_none(void **state)
{
	_buf_ struct buf out = BUF_INIT;

	(void)state;
	print(&out, NOTHING, sizeof(NOTHING) - 1);
	assert_non_null(strstr((char *)out.data, "# TYPE ksnap_refused_connections counter\n"));
	assert_null(strstr((char *)out.data, "ksnap_refused_connections_total"));
	assert_null(strstr((char *)out.data, "\nksnap_state_bytes "));
	assert_non_null(strstr((char *)out.data, "# EOF\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_has_its_number),
		cmocka_unit_test(what_an_older_broker_does_not_tell_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
