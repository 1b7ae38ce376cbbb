// SPDX-License-Identifier: MIT
/* endpoint_test.c - binding: live sockets are respected, stale ones taken over, files are private.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "broker/endpoint.h"

static char dir[64];
static char path[128], url[160];
static void *context;

static int setup(void **state)
{
	strcpy(dir, "/tmp/ksnap-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/control", dir);
	snprintf(url, sizeof(url), "ipc://%s", path);
	context = zmq_ctx_new();
	return 0;
}

static int teardown(void **state)
{
	zmq_ctx_term(context);
	unlink(path);
	return rmdir(dir);
}

static struct bound *try_bind(const char *where, struct ksnap_err *err)
{
	const char *urls[] = { where, NULL };
	struct bound_opts o = {
		.context = context, .type = ZMQ_ROUTER, .urls = urls, .max_message = 1000
	};

	return bound_create(&o, err);
}

static void nonsense_is_refused(void **state)
{
	static const char *const cases[] = { "", "nowhere", "tcp://", "ipc://",
					     "udp://127.0.0.1:1" };
	struct ksnap_err err;
	char long_url[300] = "ipc:///tmp/";

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(try_bind(cases[i], &err));
		assert_int_equal(err.code, KSNAP_E_ARG);
	}
	memset(long_url + strlen(long_url), 'x', 200);
	assert_null(try_bind(long_url, &err));
	assert_int_equal(err.code, KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "107"));
}

static void a_plain_file_is_not_removed(void **state)
{
	struct ksnap_err err;
	FILE *f = fopen(path, "w");

	fclose(f);
	assert_null(try_bind(url, &err));
	assert_int_equal(err.code, KSNAP_E_STATE);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

static void a_live_broker_is_left_alone(void **state)
{
	struct ksnap_err err;
	struct bound *first = try_bind(url, &err);

	assert_non_null(first);
	assert_null(try_bind(url, &err));
	assert_int_equal(err.code, KSNAP_E_STATE);
	assert_non_null(strstr(err.text, "--bind"));
	assert_int_equal(access(path, F_OK), 0);
	bound_destroy(first);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void a_stale_socket_is_taken_over(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct ksnap_err err;
	struct bound *b;

	strcpy(sa.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd); /* its file stays, as after kill -9 */
	b = try_bind(url, &err);
	assert_non_null(b);
	bound_destroy(b);
}

/* A listening socket whose maker is gone, but not all of its descriptors. */
static void a_socket_left_behind_is_taken_over(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), status;
	struct ksnap_err err;
	struct bound *b;
	pid_t maker;

	strcpy(sa.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	maker = fork();
	assert_true(maker >= 0);
	if (!maker)
		_exit(listen(fd, 5) != 0);
	assert_int_equal(waitpid(maker, &status, 0), maker);
	assert_int_equal(status, 0);
	b = try_bind(url, &err);
	assert_non_null(b);
	bound_destroy(b);
	close(fd);
}

static void a_socket_is_private(void **state)
{
	struct ksnap_err err;
	struct bound *b = try_bind(url, &err);
	struct stat st;

	assert_non_null(b);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	bound_destroy(b);
}

static void wildcard_ports_are_told(void **state)
{
	struct ksnap_err err;
	struct bound *b = try_bind("tcp://127.0.0.1:*", &err);

	assert_non_null(b);
	assert_non_null(strstr(bound_endpoints(b)[0], "tcp://127.0.0.1:"));
	assert_null(strchr(bound_endpoints(b)[0], '*'));
	bound_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_plain_file_is_not_removed),
		cmocka_unit_test(a_live_broker_is_left_alone),
		cmocka_unit_test(a_stale_socket_is_taken_over),
		cmocka_unit_test(a_socket_left_behind_is_taken_over),
		cmocka_unit_test(a_socket_is_private),
		cmocka_unit_test(wildcard_ports_are_told),
	};

	return cmocka_run_group_tests_name("endpoint", tests, setup, teardown);
}
