// SPDX-License-Identifier: MIT
/* endpoint_test.c - which broker is meant, and whether one is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "client/endpoint.h"

struct place {
	char dir[64], path[96], url[128];
};

static int set_up(void **state)
{
	static struct place p;

	strcpy(p.dir, "/tmp/ksnap-endpoint-XXXXXX");
	assert_non_null(mkdtemp(p.dir));
	snprintf(p.path, sizeof(p.path), "%s/control", p.dir);
	snprintf(p.url, sizeof(p.url), "ipc://%s", p.path);
	*state = &p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	return rmdir(p->dir);
}

static int listen_at(const char *path, size_t len)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, path, len);
	assert_int_equal(
		bind(fd, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + len), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void pick_rules(void **state)
{
	static const struct {
		const char *named;
		bool is_root;
		const char *dir, *want;
		int rc;
	} cases[] = {
		{ NULL, false, NULL, NULL, KSNAP_E_NOTFOUND },
		{ "", false, "", NULL, KSNAP_E_NOTFOUND },
		{ "tcp://h:1", true, "/run/user/1", "tcp://h:1", 0 },
		{ "tcp://h:1", false, NULL, "tcp://h:1", 0 },
		{ NULL, true, NULL, "ipc:///run/ksnap/control", 0 },
		{ "", true, "/run/user/1", "ipc:///run/ksnap/control", 0 },
		{ NULL, false, "/run/user/1", "ipc:///run/user/1/ksnap/control", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char buf[ENDPOINT_MAX] = "as it was";
		int rc = endpoint_pick(cases[i].named, cases[i].is_root, cases[i].dir, buf,
				       sizeof(buf));

		assert_int_equal(rc, cases[i].rc);
		assert_string_equal(buf, rc ? "as it was" : cases[i].want);
	}
}

static void pick_needs_room(void **state)
{
	char buf[8] = "same";

	assert_int_equal(endpoint_pick("12345678", false, NULL, buf, sizeof(buf)), KSNAP_E_LIMIT);
	assert_string_equal(buf, "same");
	assert_int_equal(endpoint_pick("1234567", false, NULL, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "1234567");
}

static void default_reads_the_environment(void **state)
{
	char buf[ENDPOINT_MAX];

	setenv("KSNAP_ENDPOINT", "ipc:///from/env", 1);
	assert_int_equal(endpoint_default(buf, sizeof(buf)), 0);
	assert_string_equal(buf, "ipc:///from/env");
	unsetenv("KSNAP_ENDPOINT");
	setenv("XDG_RUNTIME_DIR", "/from/xdg", 1);
	assert_int_equal(endpoint_default(buf, sizeof(buf)), 0);
	assert_string_equal(buf, geteuid() ? "ipc:///from/xdg/ksnap/control"
					   : "ipc:///run/ksnap/control");
}

static void nobody_listens(void **state)
{
	struct place *p = *state;
	char longest[256];

	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "ipc:///", 7);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(endpoint_listens("ipc://"));
	assert_false(endpoint_listens(longest));
	assert_false(endpoint_listens(p->url));
	assert_false(endpoint_is_barred(p->url));
}

static void a_stale_socket_is_nobody(void **state)
{
	struct place *p = *state;

	close(listen_at(p->path, strlen(p->path) + 1));
	assert_int_equal(access(p->path, F_OK), 0);
	assert_false(endpoint_listens(p->url));
}

static void somebody_listens(void **state)
{
	struct place *p = *state;
	int fd = listen_at(p->path, strlen(p->path) + 1);

	/* More than the backlog holds: a busy listener is a listener. */
	for (int i = 0; i < 8; i++)
		assert_true(endpoint_listens(p->url));
	assert_false(endpoint_is_barred(p->url));
	close(fd);
}

/* In a process of another user: 0 when it is kept out, as it should be. */
static int knock_as_nobody(const char *url)
{
	if (setgid(65534) || setuid(65534))
		return 2;
	return endpoint_is_barred(url) && endpoint_listens(url) ? 0 : 1;
}

static void a_closed_door_is_told_apart(void **state)
{
	struct place *p = *state;
	int status, fd;
	pid_t pid;

	if (geteuid())
		skip();
	fd = listen_at(p->path, strlen(p->path) + 1);
	pid = fork();
	if (!pid)
		_exit(knock_as_nobody(p->url));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
}

static void abstract_names_work(void **state)
{
	char name[64] = { 0 }, url[96];
	_close_ int fd = -1;
	int len = snprintf(name + 1, sizeof(name) - 1, "ksnap-test-%d", getpid());

	snprintf(url, sizeof(url), "ipc://@%s", name + 1);
	assert_false(endpoint_listens(url));
	fd = listen_at(name, len + 1);
	assert_true(endpoint_listens(url));
}

static void other_transports_are_not_known_dead(void **state)
{
	assert_true(endpoint_listens("tcp://127.0.0.1:1"));
	assert_true(endpoint_listens("inproc://x"));
}

static void schemes_compare_whole(void **state)
{
	assert_true(endpoint_same_scheme("ipc:///a", "ipc:///b", 8));
	assert_false(endpoint_same_scheme("ipc:///a", "ipc:/", 5));
	assert_false(endpoint_same_scheme("ipc:///a", "tcp://b", 7));
	assert_false(endpoint_same_scheme("nonsense", "nonsense", 8));
}

static void wildcards_become_the_host_we_reached(void **state)
{
	static const struct {
		const char *control, *told, *want;
	} cases[] = {
		{ "tcp://box:5", "tcp://0.0.0.0:6", "tcp://box:6" },
		{ "tcp://box:5", "tcp://*:6", "tcp://box:6" },
		{ "tcp://[::1]:5", "tcp://[::]:6", "tcp://[::1]:6" },
		{ "tcp://box:5", "tcp://10.0.0.1:6", "tcp://10.0.0.1:6" },
		{ "ipc:///x", "tcp://0.0.0.0:6", "tcp://0.0.0.0:6" },
		{ "tcp://box:5", "ipc:///x", "ipc:///x" },
		{ "tcp://box:5", "tcp://*", "tcp://*" },
	};
	char buf[ENDPOINT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(endpoint_reach(cases[i].control, cases[i].told,
						strlen(cases[i].told), buf, sizeof(buf)),
				 0);
		assert_string_equal(buf, cases[i].want);
	}
	assert_int_equal(endpoint_reach("tcp://box:5", "tcp://*:6", 9, buf, 11), KSNAP_E_LIMIT);
	assert_int_equal(endpoint_reach("tcp://box:5", "tcp://*:6", 9, buf, 12), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pick_rules),
		cmocka_unit_test(pick_needs_room),
		cmocka_unit_test(default_reads_the_environment),
		cmocka_unit_test_setup_teardown(nobody_listens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stale_socket_is_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(somebody_listens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_closed_door_is_told_apart, set_up, tear_down),
		cmocka_unit_test(abstract_names_work),
		cmocka_unit_test(other_transports_are_not_known_dead),
		cmocka_unit_test(schemes_compare_whole),
		cmocka_unit_test(wildcards_become_the_host_we_reached),
	};

	return cmocka_run_group_tests_name("client/endpoint", tests, NULL, NULL);
}
