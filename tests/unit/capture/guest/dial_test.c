// SPDX-License-Identifier: MIT
/* dial_test.c - doors that are shut, full, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "capture/guest/dial.h"
#include "capture/guest/gdb.h"
#include "capture/guest/qmp.h"

#define SOON_MS 200   /* that silence is waited out */
#define LONG_MS 30000 /* for what comes, however busy the machine is */
#define WAITING 16    /* clients before a door, at most */

static const struct dial_words words = { "the path", "porter" };
static char path[64];

static uint64_t in_ms(uint64_t ms)
{
	return clock_mono_ns() + ms * NS_PER_MS;
}

static int open_door(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(path, sizeof(path), "dial_test.%d", getpid());
	strcpy(a.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void shut_door(int fd)
{
	close(fd);
	unlink(path);
}

static void refuses_what_is_no_address(void **state)
{
	char long_path[200];
	struct ksnap_err err;

	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = 0;
	assert_int_equal(dial_path(long_path, &words, in_ms(LONG_MS), &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "the path has 199 bytes, at most 107 fit"));
	assert_int_equal(dial_host("localhost:none", &words, in_ms(LONG_MS), &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "localhost:none is no host:port of a porter"));
}

static void says_that_nobody_listens(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(a);
	struct ksnap_err err;
	char at[32];
	int peer;

	assert_int_equal(dial_path("dial_test.none", &words, in_ms(LONG_MS), &err), KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, "no porter answers at dial_test.none"));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	snprintf(at, sizeof(at), "127.0.0.1:%u", ntohs(a.sin_port)); /* nobody else gets it */
	assert_int_equal(dial_host(at, &words, in_ms(LONG_MS), &err), KSNAP_E_TARGET);
	assert_int_equal(listen(fd, 1), 0);
	peer = dial_host(at, &words, in_ms(LONG_MS), &err);
	assert_true(peer >= 0);
	close(peer);
	close(fd);
}

/* Who is behind the door says this first, and hears what comes up to its end, or to a detach. */
struct porter {
	int door;
	const char *says, *answers;
	char heard[64];
};

static void *serve(void *arg)
{
	struct porter *p = arg;
	int fd = accept(p->door, NULL, NULL);
	size_t len = 0;
	ssize_t n;

	assert_int_equal(write(fd, p->says, strlen(p->says)), strlen(p->says));
	while (!strstr(p->heard, "$D#44") && len < sizeof(p->heard) - 1 &&
	       (n = read(fd, p->heard + len, sizeof(p->heard) - 1 - len)) > 0)
		len += n;
	send(fd, p->answers, strlen(p->answers), MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void takes_no_stub_for_a_monitor(void **state)
{
	static const struct {
		const char *says, *answers, *hears, *told;
		int code;
	} rows[] = {
		{ "$T02thread:01;#04", "+$OK#9a", "+$D#44", "it goes on again", KSNAP_E_TARGET },
		{ "$T02thread:01;#04", "+", "+$D#44", "does not let it go on", KSNAP_E_TARGET },
		{ "$OK#9a", "", "", "does not greet", KSNAP_E_BUSY },
		{ "$T02thread:01;#05", "", "", "does not greet", KSNAP_E_BUSY },
		{ "$T02thread:01;", "", "", "does not greet", KSNAP_E_BUSY },
		{ "SSH-2.0\n", "", "", "does not speak QMP", KSNAP_E_TARGET },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct porter p = { .door = open_door(),
				    .says = rows[i].says,
				    .answers = rows[i].answers };
		bool waits = rows[i].code == KSNAP_E_BUSY;
		struct qmp q = QMP_INIT;
		struct ksnap_err err;
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, serve, &p), 0);
		assert_int_equal(qmp_open(&q, path, in_ms(waits ? SOON_MS : LONG_MS), &err),
				 rows[i].code);
		if (!strstr(err.text, rows[i].told))
			fail_msg("'%s' does not say '%s'", err.text, rows[i].told);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_string_equal(p.heard, rows[i].hears);
		shut_door(p.door);
	}
}

/* As many wait as the door takes. How many these were. */
static unsigned fill(int waiting[WAITING])
{
	unsigned n = 0;

	while (n < WAITING && (waiting[n] = dial_path(path, &words, in_ms(SOON_MS), NULL)) >= 0)
		n++;
	return n;
}

static void waits_no_longer_before_a_door_than_it_may(void **state)
{
	int door = open_door(), waiting[WAITING];
	unsigned n = fill(waiting);
	struct gdb g;
	struct qmp q = QMP_INIT;
	struct ksnap_err err;

	assert_true(n > 0 && n < WAITING);
	assert_int_equal(waiting[n], KSNAP_E_TIMEOUT);
	assert_int_equal(dial_path(path, &words, 0, &err), KSNAP_E_TIMEOUT);
	assert_int_equal(qmp_open(&q, path, in_ms(SOON_MS), &err), KSNAP_E_BUSY);
	assert_non_null(strstr(err.text, "another client has this socket"));
	assert_int_equal(gdb_init(&g, NULL), 0);
	assert_int_equal(gdb_open(&g, path, in_ms(SOON_MS), &err), KSNAP_E_BUSY);
	assert_non_null(strstr(err.text, "another debugger has it"));
	gdb_fini(&g);
	while (n--)
		close(waiting[n]);
	shut_door(door);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_no_stub_for_a_monitor),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(says_that_nobody_listens),
		cmocka_unit_test(waits_no_longer_before_a_door_than_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
