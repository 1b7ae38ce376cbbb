// SPDX-License-Identifier: MIT
/* live_test.c - the parts of the live target that need no rights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/live/cgroup.h"
#include "capture/live/cpu_news.h"
#include "capture/live/key_set.h"
#include "capture/live/load_log.h"
#include "capture/live/map_read.h"
#include "capture/live/object.h"
#include "capture/live/privilege.h"

/* ---- key_set ----------------------------------------------------------------------------------
 */

static void an_empty_set_has_nothing(void **state)
{
	struct key_set s;

	key_set_init(&s, 4);
	assert_false(key_set_has(&s, NULL, "abcd"));
	key_set_fini(&s);
	key_set_fini(&s);
}

#define KEYS 5000

static void finds_what_was_added_and_nothing_else(void **state)
{
	static uint32_t keys[KEYS];
	const uint8_t *bytes = (const uint8_t *)keys;
	struct key_set s;

	key_set_init(&s, sizeof(keys[0]));
	for (uint32_t i = 0; i < KEYS; i++) {
		keys[i] = i * 2654435761u;
		assert_false(key_set_has(&s, bytes, &keys[i]));
		assert_int_equal(key_set_add(&s, bytes, i), 0);
	}
	assert_int_equal(s.n, KEYS);
	for (uint32_t i = 0; i < 2 * KEYS; i++) {
		uint32_t key = i * 2654435761u;

		assert_int_equal(key_set_has(&s, bytes, &key), i < KEYS);
	}
	key_set_fini(&s);
}

static void keys_may_move(void **state)
{
	uint8_t first[] = "aaabbbccc", moved[sizeof(first)];
	struct key_set s;

	key_set_init(&s, 3);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(key_set_add(&s, first, i), 0);
	memcpy(moved, first, sizeof(first));
	memset(first, 'x', sizeof(first));
	assert_true(key_set_has(&s, moved, "bbb"));
	assert_false(key_set_has(&s, moved, "ccc"));
	key_set_fini(&s);
}

/* ---- cgroup -----------------------------------------------------------------------------------
 */

static void write_mounts(char path[], const char *text)
{
	int fd;

	strcpy(path, "/tmp/ksnap-mounts-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void finds_the_v2_hierarchy(void **state)
{
	static const struct {
		const char *mounts, *root;
		int code;
	} cases[] = {
		{ "", "", KSNAP_E_UNSUPPORTED },
		{ "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n", "", KSNAP_E_UNSUPPORTED },
		{ "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "/sys/fs/cgroup", 0 },
		{ "tmpfs /x tmpfs rw 0 0\nnone /a\\040b cgroup2 rw 0 0\n", "/a b", 0 },
	};
	struct ksnap_err err;
	char path[32], root[64];

	assert_int_equal(cgroup_root("/nonexistent", root, sizeof(root), &err), KSNAP_E_TARGET);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		root[0] = 0;
		write_mounts(path, cases[i].mounts);
		assert_int_equal(cgroup_root(path, root, sizeof(root), &err), cases[i].code);
		assert_string_equal(root, cases[i].root);
		unlink(path);
	}
}

static void refuses_paths_that_climb(void **state)
{
	static const char *const bad[] = { "",      "a",       "..",         "/..",
					   "/a/..", "/../etc", "/a/../../b", "cpu:a/b",
					   "cpu:",  ":/a",     "cpu:/..",    "a/b:/c" };
	struct ksnap_err err;
	uint32_t *pids = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cgroup_procs(bad[i], false, &pids, &n, &err), KSNAP_E_ARG);
	assert_null(pids);
}

static const char both_versions[] = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
				    "cgroup /cg/cpu,acct cgroup rw,relatime,cpu,cpuacct 0 0\n"
				    "cgroup /cg/systemd cgroup rw,xattr,name=systemd 0 0\n"
				    "cgroup2 /cg/unified cgroup2 rw 0 0\n";

static void names_mean_a_folder_of_one_hierarchy(void **state)
{
	static const struct {
		const char *name;
		unsigned version;
		const char *root, *path;
	} cases[] = {
		{ "/", 2, "/cg/unified", "/" },
		{ "/a//b/", 2, "/cg/unified", "/a/b" },
		{ "/cg/unified", 2, "/cg/unified", "/" },
		{ "/cg/unified/a", 2, "/cg/unified", "/a" },
		{ "/cg/unifiedly", 2, "/cg/unified", "/cg/unifiedly" },
		{ "/a:/b", 2, "/cg/unified", "/a:/b" },
		{ "cpu:/", 1, "/cg/cpu,acct", "/" },
		{ "cpuacct:/x/y", 1, "/cg/cpu,acct", "/x/y" },
		{ "name=systemd:/x", 1, "/cg/systemd", "/x" },
		{ "/cg/cpu,acct/x", 1, "/cg/cpu,acct", "/x" },
	};
	struct cgroup_place place;
	struct ksnap_err err;
	char path[32];

	write_mounts(path, both_versions);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(cgroup_find(path, cases[i].name, &place, &err), 0);
		assert_int_equal(place.version, cases[i].version);
		assert_string_equal(place.root, cases[i].root);
		assert_string_equal(place.path, cases[i].path);
	}
	unlink(path);
}

static void a_controller_that_is_not_there_names_those_that_are(void **state)
{
	static const char *const bad[] = { "memory:/a", "rw:/a", "cp:/a", "cpux:/a", "name=:/a" };
	struct cgroup_place place;
	struct ksnap_err err;
	char path[32];

	write_mounts(path, both_versions);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(cgroup_find(path, bad[i], &place, &err), KSNAP_E_NOTFOUND);
		assert_non_null(strstr(err.text, "mounted are: cpu, cpuacct, name=systemd"));
	}
	unlink(path);
}

static void without_v2_a_bare_path_says_what_can_be_named(void **state)
{
	struct cgroup_place place;
	struct ksnap_err err;
	char path[32];

	write_mounts(path, "cgroup /cg/cpu cgroup rw,cpu 0 0\n");
	assert_int_equal(cgroup_find(path, "/a", &place, &err), KSNAP_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "cpu:/a/b"));
	assert_int_equal(cgroup_find(path, "/cg/cpu/a", &place, &err), 0);
	unlink(path);
	assert_int_equal(cgroup_find("/nonexistent", "/a", &place, &err), KSNAP_E_TARGET);
	assert_int_equal(cgroup_find("/nonexistent", "cpu:/a", &place, &err), KSNAP_E_TARGET);
}

/* ---- words ------------------------------------------------------------------------------------
 */

static void eperm_names_what_works_instead(void **state)
{
	struct ksnap_err err;

	assert_int_equal(privilege_or_target(&err, EPERM, "list BPF maps"), KSNAP_E_DENIED);
	assert_non_null(strstr(err.text, "list BPF maps"));
	assert_non_null(strstr(err.text, "--target fixture"));
	assert_int_equal(privilege_or_target(&err, EINVAL, "list BPF maps"), KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, "Invalid argument"));
}

static void kinds_beyond_the_table_are_unreadable(void **state)
{
	assert_false(map_kind_of(UINT32_MAX)->is_readable);
	assert_false(map_kind_of(BPF_MAP_TYPE_UNSPEC)->is_readable);
	assert_false(map_kind_of(BPF_MAP_TYPE_BLOOM_FILTER)->is_readable);
	assert_true(map_kind_of(BPF_MAP_TYPE_LRU_PERCPU_HASH)->is_percpu);
}

static void objects_that_are_none_are_refused(void **state)
{
	_buf_ struct buf reply = BUF_INIT;
	struct object_list l = { 0 };
	struct ksnap_err err;

	assert_int_equal(object_attach(&l, "x", "", 0, &reply, &err), KSNAP_E_TARGET);
	assert_int_equal(object_attach(&l, "x", "\177ELF and no more", 16, &reply, &err),
			 KSNAP_E_TARGET);
	assert_int_equal(l.n, 0);
	assert_int_equal(object_detach(&l, "x", &err), KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "none"));
	assert_null(object_find(&l, "x"));
	object_detach_all(&l);
}

static void the_log_is_empty_when_nothing_was_said(void **state)
{
	load_log_begin();
	load_log_end();
	assert_string_equal(load_log_tail(), "");
}

/* ---- cpu_news ---------------------------------------------------------------------------------
 */

static bool is_news(const char *words, size_t len)
{
	_free_ char *exact = malloc(len + !len); /* no byte beyond it is there */

	assert_non_null(exact);
	memcpy(exact, words, len);
	return cpu_news_is_one(exact, len);
}

static void a_cpu_that_comes_or_goes_is_news_and_nothing_else(void **state)
{
	static const struct {
		bool is;
		const char *words;
		size_t len;
	} rows[] = {
#define ROW(is, words) { is, words, sizeof(words) }
#define CPU(action, subsystem)                                                                    \
	action "@/devices/system/cpu/cpu1\0ACTION=" action "\0DEVPATH=/devices/system/cpu/cpu1\0" \
	       "SUBSYSTEM=" subsystem "\0SEQNUM=1234"
		ROW(true, CPU("online", "cpu")),
		ROW(true, CPU("offline", "cpu")),
		ROW(true, "SUBSYSTEM=cpu\0ACTION=online"),
		ROW(false, CPU("change", "cpu")),
		ROW(false, CPU("add", "cpu")),
		ROW(false, CPU("online", "memory")),
		ROW(false, CPU("online", "cpuidle")),
		ROW(false, CPU("onlines", "cpu")),
		ROW(false, ""),
		ROW(false, "libudev\0\xfe\xed\xca\xfe"),
#undef CPU
#undef ROW
	};
	static const char whole[] = "ACTION=online\0SUBSYSTEM=cpu";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_news(rows[i].words, rows[i].len) != rows[i].is)
			fail_msg("row %zu", i);
	for (size_t len = 0; len < sizeof(whole) - 1; len++)
		assert_false(is_news(whole, len)); /* cut short */
	assert_true(is_news(whole, sizeof(whole) - 1));
}

/* Whoever is no kernel can only speak to one reader: it must not be believed. */
static void only_the_kernel_is_believed(void **state)
{
	static const char words[] = "ACTION=online\0SUBSYSTEM=cpu";
	struct sockaddr_nl to = { 0 };
	socklen_t size = sizeof(to);
	struct ksnap_err err;
	_close_ int fd = cpu_news_open(&err);
	_close_ int other = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		fail_msg("%s", err.text);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &size), 0);
	to.nl_groups = 0;
	if (sendto(other, words, sizeof(words), 0, (struct sockaddr *)&to, size) < 0) {
		assert_int_equal(errno, EPERM); /* as whoever is not root */
		skip();
	}
	assert_false(cpu_news_read(fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_set_has_nothing),
		cmocka_unit_test(finds_what_was_added_and_nothing_else),
		cmocka_unit_test(keys_may_move),
		cmocka_unit_test(finds_the_v2_hierarchy),
		cmocka_unit_test(refuses_paths_that_climb),
		cmocka_unit_test(names_mean_a_folder_of_one_hierarchy),
		cmocka_unit_test(a_controller_that_is_not_there_names_those_that_are),
		cmocka_unit_test(without_v2_a_bare_path_says_what_can_be_named),
		cmocka_unit_test(eperm_names_what_works_instead),
		cmocka_unit_test(kinds_beyond_the_table_are_unreadable),
		cmocka_unit_test(objects_that_are_none_are_refused),
		cmocka_unit_test(the_log_is_empty_when_nothing_was_said),
		cmocka_unit_test(a_cpu_that_comes_or_goes_is_news_and_nothing_else),
		cmocka_unit_test(only_the_kernel_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
