// SPDX-License-Identifier: MIT
/* arrivals_test.c - connections of a bound socket: who is not heard is ended, who is heard stays,
 * and what the last owner of a descriptor said does not count for the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "base/loop.h"
#include "broker/arrivals.h"
#include "wire/frames.h"

#define FDS 1024 /* more than this program has */

struct world {
	void *context, *socket;
	struct loop *loop;
	struct arrivals *arrivals;
	unsigned read; /* how often what waits was to be read */
	char path[64];
};

static void count_reading(void *arg)
{
	((struct world *)arg)->read++;
}

static int make(void **state)
{
	static struct world w;
	struct arrivals_opts opts = { .ends_unheard = true, .read = count_reading, .arg = &w };
	char url[96];

	opts.context = w.context = zmq_ctx_new();
	opts.socket = w.socket = zmq_socket(w.context, ZMQ_ROUTER);
	opts.loop = w.loop = loop_create(NULL);
	snprintf(w.path, sizeof(w.path), "/tmp/ksnap-arrivals-%d", (int)getpid());
	snprintf(url, sizeof(url), "ipc://%s", w.path);
	w.arrivals = arrivals_create(&opts, NULL);
	*state = &w;
	return w.arrivals && !zmq_bind(w.socket, url) ? 0 : -1;
}

static int destroy(void **state)
{
	struct world *w = *state;
	int none = 0;

	arrivals_destroy(w->arrivals);
	zmq_setsockopt(w->socket, ZMQ_LINGER, &none, sizeof(none));
	zmq_close(w->socket);
	zmq_ctx_term(w->context);
	loop_destroy(w->loop);
	unlink(w->path);
	return 0;
}

/* Until somebody is there who was not heard, or nobody. */
static void turn_until(struct world *w, bool listens)
{
	while (arrivals_listens(w->arrivals) != listens)
		assert_int_equal(loop_turn(w->loop, -1, NULL), 0);
}

/* Its own descriptor is a high one: the lowest is left to the other side. */
static int connect_plain(const struct world *w)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int low = socket(AF_UNIX, SOCK_STREAM, 0), fd = fcntl(low, F_DUPFD, FDS / 2);

	close(low);
	strncpy(at.sun_path, w->path, sizeof(at.sun_path) - 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* What its owner would say by whatever descriptor the other side has. */
static void say_by_all(struct world *w, bool named)
{
	for (int fd = -1; fd < FDS; fd++)
		arrivals_heard(w->arrivals, fd, named);
}

static void assert_ends(int fd)
{
	char bytes[256];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		;
	assert_int_equal(n, 0);
	close(fd);
}

static void test_unheard_is_ended(void **state)
{
	struct world *w = *state;
	int fd = connect_plain(w);

	turn_until(w, true);
	for (int i = 1; i < ARRIVALS_PATIENCE; i++)
		assert_int_equal(arrivals_tick(w->arrivals), 0);
	assert_int_equal(arrivals_tick(w->arrivals), 1);
	assert_false(arrivals_listens(w->arrivals));
	assert_ends(fd);
	assert_int_equal(arrivals_tick(w->arrivals), 0);
}

static void test_heard_stays(void **state)
{
	struct world *w = *state;
	struct frames f = { .wants_fd = true };
	void *client = zmq_socket(w->context, ZMQ_DEALER);
	zmq_pollitem_t item = { .socket = w->socket, .events = ZMQ_POLLIN };
	char url[96];
	int none = 0;

	snprintf(url, sizeof(url), "ipc://%s", w->path);
	zmq_setsockopt(client, ZMQ_LINGER, &none, sizeof(none));
	assert_int_equal(zmq_connect(client, url), 0);
	assert_int_equal(zmq_send(client, "x", 1, 0), 1);
	turn_until(w, true);
	assert_int_equal(zmq_poll(&item, 1, -1), 1);
	assert_int_equal(frames_recv(w->socket, &f, NULL), 1);
	assert_true(f.fd >= 0);
	arrivals_heard(w->arrivals, f.fd, false);
	frames_clear(&f);
	assert_false(arrivals_listens(w->arrivals));
	for (int i = 0; i < 2 * ARRIVALS_PATIENCE; i++)
		assert_int_equal(arrivals_tick(w->arrivals), 0);
	zmq_close(client);
}

static void test_who_leaves_is_forgotten(void **state)
{
	struct world *w = *state;
	int fd = connect_plain(w);

	turn_until(w, true);
	close(fd);
	turn_until(w, false);
	for (int i = 0; i < ARRIVALS_PATIENCE; i++)
		assert_int_equal(arrivals_tick(w->arrivals), 0);
}

/* Old words that still wait to be read come by the number that is the next one's now. */
static void test_descriptor_given_out_again(void **state)
{
	struct world *w = *state;
	int fd = connect_plain(w);

	turn_until(w, true);
	arrivals_all_read(w->arrivals);
	say_by_all(w, true);
	assert_false(arrivals_listens(w->arrivals));
	shutdown(fd, SHUT_WR);
	assert_ends(fd); /* the other side has closed its descriptor, which is the lowest free one
			    now */
	fd = connect_plain(w);
	turn_until(w, true);
	say_by_all(w, true);
	assert_true(arrivals_listens(w->arrivals));
	assert_int_equal(w->read, 1);
	arrivals_all_read(w->arrivals);
	assert_true(arrivals_listens(w->arrivals));
	say_by_all(w, true);
	assert_false(arrivals_listens(w->arrivals));
	shutdown(fd, SHUT_WR);
	assert_ends(fd);
	fd = connect_plain(w);
	turn_until(w, true);
	say_by_all(w, false);
	assert_false(arrivals_listens(w->arrivals));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptor_given_out_again), /* first: none is open yet */
		cmocka_unit_test(test_unheard_is_ended),
		cmocka_unit_test(test_who_leaves_is_forgotten),
		cmocka_unit_test(test_heard_stays),
	};

	return cmocka_run_group_tests(tests, make, destroy);
}
