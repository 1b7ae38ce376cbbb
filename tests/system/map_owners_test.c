// SPDX-License-Identifier: MIT
/* map_owners_test.c - storage that is kept with tasks, cgroups and sockets, and maps of sockets:
 * each entry is there under the id of its owner.
 *
 * Needs the right to use BPF; KSNAP_TEST_REQUIRE=bpf makes its absence a failure.
 */
#include "live_rig.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/live/cgroup.h"
#include "tests/bpf/families.h"

static struct live_rig rig;
static struct bpf_object *families;

static int fd_of(const char *name)
{
	return bpf_object__find_map_fd_by_name(families, name);
}

static size_t index_of(const struct ksnap_map *m, int64_t key)
{
	for (size_t i = 0; i < ksnap_map_count(m); i++)
		if (key_at(m, i) == key)
			return i;
	fail_msg("no entry has the key %lld", (long long)key);
	return 0;
}

static void put_note(const char *map, int owner, uint64_t number)
{
	struct family_note note = { number, "note" };

	if (bpf_map_update_elem(fd_of(map), &owner, &note, BPF_ANY))
		fail_msg("%s: %s", map, strerror(errno));
}

struct thread {
	pthread_t pthread;
	int quit[2];
	atomic_int tid;
};

static void *wait_to_end(void *arg)
{
	struct thread *t = arg;
	char c;

	atomic_store(&t->tid, (int)syscall(SYS_gettid));
	return (void *)(intptr_t)(read(t->quit[0], &c, 1) < 0);
}

static void start_thread(struct thread *t)
{
	*t = (struct thread){ .tid = 0 };
	assert_int_equal(pipe(t->quit), 0);
	assert_int_equal(pthread_create(&t->pthread, NULL, wait_to_end, t), 0);
	while (!atomic_load(&t->tid))
		sched_yield();
}

static void end_thread(struct thread *t)
{
	close(t->quit[1]);
	pthread_join(t->pthread, NULL);
	close(t->quit[0]);
}

/* Two owners, one of them a thread that is not the first of its process; then one of them ends. */
static void task_storage_is_read_by_thread(void **state)
{
	_close_ int self = syscall(SYS_pidfd_open, getpid(), 0);
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;
	struct thread other;
	int fd;

	start_thread(&other);
	fd = syscall(SYS_pidfd_open, other.tid, O_EXCL);
	put_note("of_tasks", self, 41);
	if (fd >= 0)
		put_note("of_tasks", fd, 42);
	s = rig_capture_fd(&rig, fd_of("of_tasks"));
	m = rig_map(s, fd_of("of_tasks"));
	assert_int_equal(ksnap_map_complete(m), fd >= 0);
	assert_int_equal(ksnap_map_count(m), 1 + (fd >= 0));
	assert_int_equal(value_at(m, index_of(m, getpid()), "number"), 41);
	if (fd >= 0)
		assert_int_equal(value_at(m, index_of(m, other.tid), "number"), 42);
	ksnap_snapshot_close(s);
	if (fd >= 0)
		close(fd);
	end_thread(&other);
}

/* More than the kernel gives in one piece. */
#define MANY_SOCKETS 2000

static void socket_storage_is_read_by_cookie(void **state)
{
	static int fds[MANY_SOCKETS];
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;
	bool can;
	size_t n;

	for (n = 0; n < MANY_SOCKETS; n++) {
		fds[n] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fds[n] < 0)
			break;
		put_note("of_sockets", fds[n], 1000 + n);
	}
	assert_true(n > 500);
	s = rig_capture_fd(&rig, fd_of("of_sockets"));
	can = rig_iterates("bpf_sk_storage_map");
	m = only_map(s, fd_of("of_sockets"), can);
	assert_int_equal(has_reason(s, "denied", "of_sockets"), !can);
	assert_int_equal(ksnap_map_count(m), can ? n : 0);
	for (size_t i = 0; can && i < n; i += 97)
		assert_int_equal(value_at(m, index_of(m, cookie_of(fds[i])), "number"), 1000 + i);
	ksnap_snapshot_close(s);
	while (n)
		close(fds[--n]);
}

struct connection {
	int listening, ends[2];
};

static void make_connection(struct connection *c)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	c->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c->ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(c->listening, (void *)&at, sizeof(at)) || listen(c->listening, 1) ||
	    getsockname(c->listening, (void *)&at, &len) ||
	    connect(c->ends[0], (void *)&at, sizeof(at))) {
		print_message("# no TCP over loopback here: %s\n", strerror(errno));
		skip();
	}
	c->ends[1] = accept(c->listening, NULL, NULL);
	assert_true(c->ends[1] >= 0);
}

static void drop_connection(struct connection *c)
{
	close(c->ends[0]);
	close(c->ends[1]);
	close(c->listening);
}

/* With values of 4 bytes the kernel lets nobody look a socket up. */
static void check_sockets(enum bpf_map_type type, uint32_t value_size)
{
	_close_ int fd = make(type, "sockets", 4, value_size, 10);
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;
	struct connection c;
	bool can;

	make_connection(&c);
	put(fd, 2, &(uint64_t){ c.ends[0] });
	put(fd, 5, &(uint64_t){ c.ends[1] });
	s = rig_capture_fd(&rig, fd);
	can = value_size == 8 || rig_iterates("sockmap");
	m = only_map(s, fd, can);
	assert_int_equal(has_reason(s, "denied", "sockets"), !can);
	assert_int_equal(ksnap_map_count(m), can ? 2 : 0);
	if (can) {
		assert_int_equal(value_at(m, index_of(m, 2), ""), cookie_of(c.ends[0]));
		assert_int_equal(value_at(m, index_of(m, 5), ""), cookie_of(c.ends[1]));
	}
	ksnap_snapshot_close(s);
	drop_connection(&c);
}

static void socket_maps_give_cookies(void **state)
{
	check_sockets(BPF_MAP_TYPE_SOCKMAP, 4);
	check_sockets(BPF_MAP_TYPE_SOCKMAP, 8);
	check_sockets(BPF_MAP_TYPE_SOCKHASH, 4);
	check_sockets(BPF_MAP_TYPE_SOCKHASH, 8);
}

static void cgroup_storage_is_read_by_cgroup(void **state)
{
	char path[4096];
	_close_ int fd = -1;
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;
	struct stat st;

	if (cgroup_root("/proc/self/mounts", path, sizeof(path), NULL))
		skip();
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/ksnap_mt_%d", (int)getpid());
	if (mkdir(path, 0755))
		skip();
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	put_note("of_cgroups", fd, 77);
	s = rig_capture_fd(&rig, fd_of("of_cgroups"));
	rmdir(path);
	m = only_map(s, fd_of("of_cgroups"), true);
	assert_int_equal(ksnap_map_count(m), 1);
	assert_int_equal(key_at(m, 0), st.st_ino);
	assert_int_equal(value_at(m, 0, "number"), 77);
	ksnap_snapshot_close(s);
}

static int set_up(void **state)
{
	rig_open(&rig);
	families = rig_load_object("families");
	return 0;
}

static int tear_down(void **state)
{
	bpf_object__close(families);
	rig_close(&rig);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(task_storage_is_read_by_thread),
		cmocka_unit_test(cgroup_storage_is_read_by_cgroup),
		cmocka_unit_test(socket_storage_is_read_by_cookie),
		cmocka_unit_test(socket_maps_give_cookies),
	};
	int cannot = rig_cannot_run();

	return cannot >= 0 ? cannot : cmocka_run_group_tests(tests, set_up, tear_down);
}
