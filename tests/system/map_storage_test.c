// SPDX-License-Identifier: MIT
/* map_storage_test.c - storage kept with inodes, and the deprecated one of cgroups, against what
 * was put there.
 *
 * Needs the right to use BPF; KSNAP_TEST_REQUIRE=bpf makes its absence a failure.
 */
#include "live_rig.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/live/bpf_insns.h"
#include "capture/live/cgroup.h"
#include "tests/bpf/families.h"

static struct live_rig rig;
static struct bpf_object *families;

/* ---- the deprecated storage of cgroups --------------------------------------------------------
 */

#define OLD_CGROUPS 3

struct old_cgroup {
	char path[4096];
	int fd;
};

static void make_cgroup(struct old_cgroup *g, unsigned i)
{
	char root[3000];

	if (cgroup_root("/proc/self/mounts", root, sizeof(root), NULL))
		skip();
	snprintf(g->path, sizeof(g->path), "%s/ksnap-old-%u-%d", root, i, (int)getpid());
	if (mkdir(g->path, 0755))
		skip();
	g->fd = open(g->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(g->fd >= 0);
}

/* A program that does nothing but name the map, which gives each cgroup it is attached to a value.
 */
static int load_user(int map)
{
	const struct bpf_insn insns[] = { LOAD_MAP(1, map), MOVE_NUMBER(2, 0),
					  CALL(BPF_FUNC_get_local_storage), MOVE_NUMBER(0, 1),
					  EXIT() };
	int prog = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "old_user", "GPL", insns,
				 ARRAY_SIZE(insns), NULL);

	assert_true(prog >= 0);
	return prog;
}

static void check_old_storage(int map, const struct old_cgroup *g, unsigned n, unsigned cpus)
{
	struct ksnap_snapshot *s = rig_capture_fd(&rig, map);
	const struct ksnap_map *m = only_map(s, map, true);
	unsigned found = 0;

	assert_int_equal(ksnap_map_count(m), n);
	for (unsigned i = 0; i < n * n; i++) {
		struct bpf_cgroup_storage_key key;
		struct ksnap_value k, v;
		struct stat st;

		assert_int_equal(ksnap_map_key(m, i / n, &k, NULL), 0);
		assert_int_equal(ksnap_map_value(m, i / n, &v, NULL), 0);
		memcpy(&key, k.data, sizeof(key));
		assert_int_equal(fstat(g[i % n].fd, &st), 0);
		if (key.cgroup_inode_id != st.st_ino)
			continue;
		assert_int_equal(key.attach_type, BPF_CGROUP_INET_EGRESS);
		for (unsigned cpu = 0; cpu < cpus; cpu++) {
			uint64_t got;

			memcpy(&got, v.data + 8 * cpu, sizeof(got));
			assert_int_equal(got, 100 * (i % n) + cpu);
		}
		found++;
	}
	assert_int_equal(found, n);
	ksnap_snapshot_close(s);
}

static void check_old_cgroups(enum bpf_map_type type, unsigned cpus)
{
	_close_ int map = make(type, "old_storage", sizeof(struct bpf_cgroup_storage_key), 8, 0);
	_close_ int prog = load_user(map);
	struct bpf_cgroup_storage_key key = { 0 };
	struct old_cgroup g[OLD_CGROUPS];
	uint64_t vals[1024];

	check_old_storage(map, g, 0, cpus);
	for (unsigned i = 0; i < OLD_CGROUPS; i++) {
		struct stat st;

		make_cgroup(&g[i], i);
		assert_int_equal(bpf_prog_attach(prog, g[i].fd, BPF_CGROUP_INET_EGRESS, 0), 0);
		assert_int_equal(fstat(g[i].fd, &st), 0);
		key.cgroup_inode_id = st.st_ino;
		key.attach_type = BPF_CGROUP_INET_EGRESS;
		for (unsigned cpu = 0; cpu < cpus; cpu++)
			vals[cpu] = 100 * i + cpu;
		assert_int_equal(bpf_map_update_elem(map, &key, vals, BPF_EXIST), 0);
	}
	check_old_storage(map, g, OLD_CGROUPS, cpus);
	for (unsigned i = 0; i < OLD_CGROUPS; i++) {
		assert_int_equal(bpf_prog_detach2(prog, g[i].fd, BPF_CGROUP_INET_EGRESS), 0);
		close(g[i].fd);
		assert_int_equal(rmdir(g[i].path), 0);
	}
}

static void old_cgroup_storage_is_whole(void **state)
{
	check_old_cgroups(BPF_MAP_TYPE_CGROUP_STORAGE, 1);
	check_old_cgroups(BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, libbpf_num_possible_cpus());
}

/* ---- storage kept with inodes ----------------------------------------------------------------
 */

#define FILES 300

static void check_inode(const struct ksnap_snapshot *s, const struct ksnap_map *m, int file,
			uint64_t number)
{
	struct ksnap_value key, v;
	struct stat st;
	unsigned found = 0;

	assert_int_equal(fstat(file, &st), 0);
	for (size_t i = 0; i < ksnap_map_count(m); i++) {
		assert_int_equal(ksnap_map_key(m, i, &key, NULL), 0);
		if ((uint64_t)number_at(&key, "ino") != st.st_ino ||
		    number_at(&key, "major") != major(st.st_dev) ||
		    number_at(&key, "minor") != minor(st.st_dev))
			continue;
		found++;
		assert_int_equal(ksnap_map_value(m, i, &v, NULL), 0);
		assert_int_equal(number_at(&v, "number"), number);
	}
	assert_int_equal(found, 1);
}

static void note_file(int map, int file, uint64_t number)
{
	struct family_note note = { number, "file" };

	if (bpf_map_update_elem(map, &file, &note, BPF_ANY)) {
		print_message("# nothing can be kept with inodes here: %s\n", strerror(errno));
		skip();
	}
}

/* Of three file systems; what is kept with a file goes away with it. */
static void inode_storage_is_whole(void **state)
{
	int map = bpf_object__find_map_fd_by_name(families, "of_inodes"), files[FILES];
	struct ksnap_snapshot *s;
	const struct ksnap_map *m;

	for (int i = 0; i < FILES; i++) {
		files[i] = i == 1   ? open("/dev/null", O_RDONLY | O_CLOEXEC)
			   : i == 2 ? open("/proc/self/stat", O_RDONLY | O_CLOEXEC)
				    : memfd_create("noted", MFD_CLOEXEC);
		assert_true(files[i] >= 0);
		note_file(map, files[i], 1000 + i);
	}
	s = rig_capture_fd(&rig, map);
	m = only_map(s, map, true);
	assert_int_equal(ksnap_map_count(m), FILES);
	for (int i = 0; i < FILES; i++)
		check_inode(s, m, files[i], 1000 + i);
	ksnap_snapshot_close(s);
	for (int i = 0; i < FILES; i++) {
		assert_int_equal(bpf_map_delete_elem(map, &files[i]), 0);
		close(files[i]);
	}
	s = rig_capture_fd(&rig, map);
	assert_int_equal(ksnap_map_count(only_map(s, map, true)), 0);
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
		cmocka_unit_test(old_cgroup_storage_is_whole),
		cmocka_unit_test(inode_storage_is_whole),
	};
	int cannot = rig_cannot_run();

	return cannot >= 0 ? cannot : cmocka_run_group_tests(tests, set_up, tear_down);
}
