// SPDX-License-Identifier: MIT
/* accepting_test.c - accept4() as libzmq's listeners call it, failing with any number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/accepting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/pings.h"

static int fail_with;      /* what the system call says */
static unsigned fails;     /* how often yet */
static bool is_memory_out; /* for what is followed of a connection */
static char said[512];     /* the last line of the log */

/* The two that accepting.c calls. */
long syscall(long number, ...)
{
	va_list args;
	int fd;

	assert_int_equal(number, SYS_accept4);
	if (fails && fails--) {
		errno = fail_with;
		return -1;
	}
	va_start(args, number);
	fd = va_arg(args, int);
	va_end(args);
	return accept(fd, NULL, NULL);
}

int pings_begin(int fd)
{
	return is_memory_out ? -1 : 0;
}

static void keep_line(enum log_level level, const char *line)
{
	snprintf(said, sizeof(said), "%s", line);
}

/* ---- a listener, and one who waits there ----------------------------------------------------- */

struct place {
	int listener, peer;
};

static struct place wait_at_one(void)
{
	struct place p = { .listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0),
			   .peer = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0) };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(a);

#ifdef __SANITIZE_THREAD__ /* accepting.c has no accept4() then */
	skip();
#endif
	/* The kernel chooses a name. */
	assert_int_equal(bind(p.listener, (void *)&a, sizeof(a.sun_family)), 0);
	assert_int_equal(listen(p.listener, 8), 0);
	assert_int_equal(getsockname(p.listener, (void *)&a, &len), 0);
	assert_int_equal(connect(p.peer, (void *)&a, len), 0);
	return p;
}

static void leave(const struct place *p)
{
	close(p->peer);
	close(p->listener);
}

static bool is_hung_up_on(const struct place *p)
{
	char c;

	return read(p->peer, &c, 1) == 0;
}

/* The number that accept4() fails with, when the system call fails @times times with @num. */
static int accept_failing(const struct place *p, int num, unsigned times)
{
	fail_with = num;
	fails = times;
	errno = 0;
	assert_int_equal(accept4(p->listener, NULL, NULL, SOCK_CLOEXEC), -1);
	return errno;
}

static void must_accept(const struct place *p)
{
	int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	assert_false(is_hung_up_on(p));
	close(fd);
	assert_true(is_hung_up_on(p));
}

/* ---- tests ----------------------------------------------------------------------------------- */

static const int lacks[] = { EMFILE, ENFILE, ENOMEM, ENOBUFS };

static void what_is_lacking_refuses_one(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(lacks); i++) {
		struct place p = wait_at_one();
		uint64_t before = accepting_refused();

		assert_int_equal(accept_failing(&p, lacks[i], 1), ECONNABORTED);
		assert_int_equal(accepting_refused(), before + 1);
		assert_true(is_hung_up_on(&p));
		leave(&p);
	}
}

static void what_cannot_be_refused_waits(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(lacks); i++) {
		struct place p = wait_at_one();
		uint64_t before = accepting_refused();

		assert_int_equal(accept_failing(&p, lacks[i], 2), ECONNABORTED);
		assert_int_equal(accepting_refused(), before);
		must_accept(&p);
		leave(&p);
	}
}

static void nobody_is_not_refused(void **state)
{
	struct place p = wait_at_one();
	uint64_t before;

	must_accept(&p);
	before = accepting_refused();
	said[0] = '\0';
	assert_int_equal(accept_failing(&p, EMFILE, 1), ECONNABORTED);
	assert_int_equal(accepting_refused(), before);
	assert_string_equal(said, "");
	leave(&p);
}

static void no_other_number_ends_libzmq(void **state)
{
	static const int nums[] = { EPERM,        EACCES,      ENOSYS,     ENETDOWN,
				    EHOSTUNREACH, ENOPROTOOPT, EOPNOTSUPP, ETIMEDOUT };

	for (size_t i = 0; i < ARRAY_SIZE(nums); i++) {
		struct place p = wait_at_one();
		uint64_t before = accepting_refused();

		assert_int_equal(accept_failing(&p, nums[i], 1), ECONNABORTED);
		assert_int_equal(accepting_refused(), before);
		must_accept(&p);
		leave(&p);
	}
	assert_non_null(strstr(said, "waits: "));
}

static void what_is_libzmqs_comes_as_it_is(void **state)
{
	static const int nums[] = { EAGAIN, EINTR,  ECONNABORTED, EPROTO,
				    EBADF,  EFAULT, EINVAL,       ENOTSOCK };

	for (size_t i = 0; i < ARRAY_SIZE(nums); i++) {
		struct place p = wait_at_one();
		uint64_t before = accepting_refused();

		assert_int_equal(accept_failing(&p, nums[i], 1), nums[i]);
		assert_int_equal(accepting_refused(), before);
		must_accept(&p);
		leave(&p);
	}
}

static void without_memory_to_follow_it_one_is_refused(void **state)
{
	struct place p = wait_at_one();
	uint64_t before = accepting_refused();

	is_memory_out = true;
	assert_int_equal(accept_failing(&p, 0, 0), ECONNABORTED);
	is_memory_out = false;
	assert_int_equal(accepting_refused(), before + 1);
	assert_true(is_hung_up_on(&p));
	leave(&p);
}

/* Of the first, the second, the fourth, ... a line is said. */
static void the_limit_is_named(void **state)
{
	static const struct {
		int num;
		const char *words;
	} rows[] = { { EMFILE, "LimitNOFILE=" }, { ENFILE, "fs.file-max" }, { ENOMEM, "memory" } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t until = 2;

		while (until <= accepting_refused())
			until *= 2;
		while (accepting_refused() < until) {
			struct place p = wait_at_one();

			accept_failing(&p, rows[i].num, 1);
			leave(&p);
		}
		assert_non_null(strstr(said, rows[i].words));
		assert_int_equal(strtoull(said, NULL, 10), until);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_lacking_refuses_one),
		cmocka_unit_test(what_cannot_be_refused_waits),
		cmocka_unit_test(nobody_is_not_refused),
		cmocka_unit_test(no_other_number_ends_libzmq),
		cmocka_unit_test(what_is_libzmqs_comes_as_it_is),
		cmocka_unit_test(without_memory_to_follow_it_one_is_refused),
		cmocka_unit_test(the_limit_is_named),
	};

	log_set_sink(keep_line, LOG_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
