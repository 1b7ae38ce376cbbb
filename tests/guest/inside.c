// SPDX-License-Identifier: MIT
/* inside.c - all there is in the test guest: process 1. It makes BPF maps of every kind, fills
 * them, and answers on its second serial port:
 *
 *   show         every map as the kernel gives it, in hex
 *   flag [N]     set the flag of inside.bpf.c, say what it is and what was counted so far
 *   syms         lines of /proc/kallsyms that tools outside may need
 *   tasks        pid and name of every process
 *   drop N       take task N out of the map tasks
 *   tune F V [C] a process called "tuner" writes V into /proc/sys/F, on CPU C; its pid
 *   members FILE ids in a list of the v2 hierarchy, such as /work/deep/cgroup.threads
 *   cpus         /proc/stat
 *   links        every BPF link: number, kind, program, and what it is attached to
 * Each answer ends with a line "end". */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "facts.h"
#include "inside.h"
#include "shapes_fill.h"

#define TASKS       100
#define ARENA_PAGES 1000
/* Newer than the headers it may be built with. */
#define TYPE_CGRP_STORAGE 32
#define TYPE_ARENA        33
#define BY_LINK           (1u << 13) /* flag of a struct_ops map */
#define ATTACH_STRUCT_OPS 44

static FILE *port;
static struct bpf_object *shapes, *inside;

static void die(const char *what)
{
	printf("guest failed: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

/* ---- maps ------------------------------------------------------------------------------------ */

static struct bpf_object *load(const char *path, bool with_programs)
{
	struct bpf_object *obj = bpf_object__open(path);
	struct bpf_program *p;

	if (!obj)
		die(path);
	bpf_object__for_each_program(p, obj) bpf_program__set_autoload(p, with_programs);
	if (bpf_object__load(obj))
		die(path);
	bpf_object__for_each_program(p, obj) if (with_programs && !bpf_program__attach(p))
		die("attach");
	return obj;
}

static int make(enum bpf_map_type type, const char *name, unsigned key, unsigned value, unsigned n)
{
	int fd = bpf_map_create(type, name, key, value, n, NULL);

	if (fd < 0)
		die(name);
	return fd;
}

static void put(int fd, const void *key, const void *value)
{
	if (bpf_map_update_elem(fd, key, value, BPF_ANY))
		die("put");
}

static void make_nested(enum bpf_map_type type, const char *name, int inner)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .inner_map_fd = inner);
	int fd = bpf_map_create(type, name, 4, 4, 4, &o);
	unsigned key = 2;

	if (fd < 0)
		die(name);
	put(fd, &key, &inner);
}

/* Twelve in, five out, two in: the ends have gone round. */
static void make_queue(enum bpf_map_type type, const char *name)
{
	int fd = make(type, name, 0, 12, 12);
	unsigned value[3];

	for (unsigned i = 0; i < 14; i++) {
		if (i == 12)
			for (int out = 0; out < 5; out++)
				bpf_map_lookup_and_delete_elem(fd, NULL, value);
		value[0] = i;
		value[1] = i * i;
		value[2] = ~i;
		put(fd, NULL, value);
	}
}

/* Keys of five bytes, whose values are not where those of eight are. */
static void make_odd(enum bpf_map_type type, const char *name)
{
	unsigned ncpu = libbpf_num_possible_cpus();
	unsigned long long values[64];
	int fd = make(type, name, 5, 8, 64);
	char key[8];

	for (unsigned i = 0; i < 10; i++) {
		for (unsigned c = 0; c < ncpu && c < 64; c++)
			values[c] = i * 100 + c;
		snprintf(key, sizeof(key), "k%03u", i);
		put(fd, key, values);
	}
}

static void make_progs(void)
{
	struct bpf_program *p = bpf_object__next_program(inside, NULL);
	int fd = make(BPF_MAP_TYPE_PROG_ARRAY, "progs", 4, 4, 3), prog = bpf_program__fd(p);
	unsigned key = 1;

	bpf_map_update_elem(fd, &key, &prog, BPF_ANY); /* refused for some types of program */
}

/* ---- maps of objects ------------------------------------------------------------------------- */

static int cgroup_fd = -1, socket_fd = -1, file_fd = -1;
static uint64_t cookie;
static int xdp_socket = -1;
static char *arena;

static void make_devices(enum bpf_map_type type, const char *name)
{
	int fd = make(type, name, 4, 8, 8);
	unsigned key = 3, value[2] = { 1 /* lo */, 0 };

	value[1] = -1; /* no program */
	put(fd, &key, value);
}

static void make_cpus(void)
{
	int fd = make(BPF_MAP_TYPE_CPUMAP, "cpus", 4, 4, 4);
	unsigned key = 1, qsize = 64;

	put(fd, &key, &qsize);
}

static void make_events(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_CONTEXT_SWITCHES };
	int fd = make(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "events", 4, 4, 4);
	int event = syscall(SYS_perf_event_open, &attr, -1, 1, -1, 0);
	unsigned key = 2;

	if (event < 0)
		die("perf event");
	put(fd, &key, &event);
}

static void make_cgroups(void)
{
	int fd = make(BPF_MAP_TYPE_CGROUP_ARRAY, "cgroups", 4, 4, 2);
	unsigned key = 1;

	put(fd, &key, &cgroup_fd);
}

/* Of an object that has a descriptor; a kernel may lack the type. */
static void make_storage(enum bpf_map_type type, const char *name, int object)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_NO_PREALLOC);
	struct inside_note note = { type, 1, 2 };
	int fd;

	o.btf_fd = bpf_object__btf_fd(inside);
	o.btf_key_type_id = btf__find_by_name_kind(bpf_object__btf(inside), "int", BTF_KIND_INT);
	o.btf_value_type_id =
		btf__find_by_name_kind(bpf_object__btf(inside), "inside_note", BTF_KIND_STRUCT);
	fd = bpf_map_create(type, name, 4, sizeof(note), 0, &o);
	if (fd >= 0 && bpf_map_update_elem(fd, &object, &note, BPF_ANY))
		printf("no %s: %s\n", name, strerror(errno));
}

static struct bpf_map *load_struct_ops(unsigned flags)
{
	struct bpf_object *obj = bpf_object__open("/mtcp.bpf.o");
	struct bpf_map *m, *ops = NULL;

	if (!obj)
		die("mtcp");
	bpf_object__for_each_map(m, obj) if (bpf_map__type(m) == BPF_MAP_TYPE_STRUCT_OPS) ops = m;
	bpf_map__set_map_flags(ops, flags);
	return bpf_object__load(obj) ? NULL : ops;
}

/* Held by a link where the kernel has that. */
static void make_struct_ops(void)
{
	struct bpf_map *ops = load_struct_ops(BY_LINK);
	union bpf_attr attr = { .link_create.attach_type = ATTACH_STRUCT_OPS };
	bool by_link = ops;

	if (!ops)
		ops = load_struct_ops(0);
	if (!ops || !bpf_map__attach_struct_ops(ops))
		die("struct_ops");
	attr.link_create.prog_fd = bpf_map__fd(ops);
	if (by_link && syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr)) < 0)
		die("struct_ops link");
}

static void make_links(void)
{
	struct bpf_object *obj = bpf_object__open("/links.bpf.o");
	int netns = open("/proc/self/ns/net", O_RDONLY);
	struct bpf_program *p;

	if (!obj || bpf_object__load(obj))
		die("links");
	bpf_object__for_each_program(p, obj)
	{
		enum bpf_prog_type type = bpf_program__type(p);
		struct bpf_link *l =
			type == BPF_PROG_TYPE_CGROUP_SKB  ? bpf_program__attach_cgroup(p, cgroup_fd)
			: type == BPF_PROG_TYPE_SK_LOOKUP ? bpf_program__attach_netns(p, netns)
			: type == BPF_PROG_TYPE_XDP       ? bpf_program__attach_xdp(p, 1 /* lo */)
							  : bpf_program__attach(p);

		if (!l)
			die(bpf_program__name(p));
	}
}

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

/* A process with two threads, in a cgroup within a cgroup. */
static void make_members(void)
{
	pthread_t second;
	FILE *f;

	mkdir("/sys/fs/cgroup/work", 0755);
	mkdir("/sys/fs/cgroup/idle", 0755);
	if (mkdir("/sys/fs/cgroup/work/deep", 0755))
		die("mkdir");
	if (fork())
		return;
	f = fopen("/sys/fs/cgroup/work/deep/cgroup.procs", "we");
	if (!f || fprintf(f, "0") < 0 || fclose(f) ||
	    pthread_create(&second, NULL, wait_for_ever, NULL))
		die("members");
	puts("guest has members");
	fflush(stdout);
	wait_for_ever(NULL);
}

/* A UDP socket that maps of sockets take: it has a port. */
static int bind_socket(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	return fd;
}

/* The number by which the kernel tells sockets apart. */
static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

/* A kernel may lack the type. */
static void put_socket(enum bpf_map_type type, const char *name, unsigned value, unsigned key,
		       int socket)
{
	int fd = bpf_map_create(type, name, 4, value, 8, NULL);
	uint64_t object = socket;

	cookie_of(socket);
	if (fd < 0 || bpf_map_update_elem(fd, &key, &object, BPF_ANY))
		printf("no %s: %s\n", name, strerror(errno));
}

static void make_sockets(void)
{
	put_socket(BPF_MAP_TYPE_SOCKMAP, "sockets", 8, 5, bind_socket());
	put_socket(BPF_MAP_TYPE_SOCKHASH, "socket_hash", 8, 77, bind_socket());
	put_socket(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, "reuseport", 8, 3, bind_socket());
	xdp_socket = socket(AF_XDP, SOCK_RAW, 0);
	put_socket(BPF_MAP_TYPE_XSKMAP, "xdp_sockets", 4, 2, xdp_socket);
}

static void make_arena(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(TYPE_ARENA, "arena", 0, 0, ARENA_PAGES, &o);

	if (fd < 0)
		return;
	arena = mmap(NULL, ARENA_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (arena == MAP_FAILED)
		die("arena");
	memset(arena + 3 * 4096, 0x33, 4096);
	strcpy(arena + 700 * 4096, "page 700");
}

/* Something is in it, which no program has taken yet. */
static void make_user_ring(void)
{
	long page = sysconf(_SC_PAGESIZE);
	int fd = make(BPF_MAP_TYPE_USER_RINGBUF, "user_ring", 0, 0, page);
	unsigned long *produced = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page);

	if (produced == MAP_FAILED)
		die("user_ring");
	*produced = 24;
	munmap(produced, page);
}

static void make_objects(void)
{
	socklen_t len = sizeof(cookie);

	mount("cgroup", "/sys/fs/cgroup", "cgroup2", 0, NULL);
	cgroup_fd = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);
	socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
	file_fd = open("/init", O_RDONLY);
	if (cgroup_fd < 0 || socket_fd < 0 || file_fd < 0 ||
	    getsockopt(socket_fd, SOL_SOCKET, SO_COOKIE, &cookie, &len))
		die("objects");
	make_members();
	make_devices(BPF_MAP_TYPE_DEVMAP, "devices");
	make_devices(BPF_MAP_TYPE_DEVMAP_HASH, "device_hash");
	make_cpus();
	make_events();
	make_cgroups();
	make_storage(BPF_MAP_TYPE_SK_STORAGE, "of_socket", socket_fd);
	make_storage(BPF_MAP_TYPE_INODE_STORAGE, "of_file", file_fd);
	make_storage(TYPE_CGRP_STORAGE, "of_cgroup", cgroup_fd);
	make_sockets();
	make_arena();
	make_struct_ops();
	make_links();
}

static void store_own_note(void)
{
	struct inside_note note = { 0x1122334455667788, 3, 1 };
	int pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	int fd = bpf_object__find_map_fd_by_name(inside, "of_tasks");

	put(fd, &pidfd, &note);
	close(pidfd);
}

static void make_maps(void)
{
	unsigned one = 1;
	int inner;

	shapes = load("/shapes.bpf.o", false);
	if (shapes_fill(shapes, TASKS))
		die("fill");
	inside = load("/inside.bpf.o", true);
	inner = make(BPF_MAP_TYPE_ARRAY, "inner", 4, 8, 3);
	put(inner, &one, "12345678");
	make_nested(BPF_MAP_TYPE_ARRAY_OF_MAPS, "outer_array", inner);
	make_nested(BPF_MAP_TYPE_HASH_OF_MAPS, "outer_hash", inner);
	make_queue(BPF_MAP_TYPE_QUEUE, "queue");
	make_queue(BPF_MAP_TYPE_STACK, "stack");
	make_odd(BPF_MAP_TYPE_PERCPU_HASH, "odd_cpu");
	make_odd(BPF_MAP_TYPE_HASH, "odd");
	make_odd(BPF_MAP_TYPE_LRU_PERCPU_HASH, "odd_lru");
	make_progs();
	make(BPF_MAP_TYPE_HASH, "empty", 4, 4, 16);
	make(BPF_MAP_TYPE_BLOOM_FILTER, "bloom", 0, 8, 16);
	make(BPF_MAP_TYPE_CGROUP_STORAGE, "old_storage", 8, 8, 0);
	make(BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, "old_storage_cpu", 8, 8, 0);
	make_user_ring();
	make_objects();
	store_own_note();
}

/* ---- show ------------------------------------------------------------------------------------ */

static void print_hex(const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(port, "%02x", ((const unsigned char *)data)[i]);
}

static void print_entry(const void *key, size_t key_len, const void *val, size_t val_len)
{
	fprintf(port, "entry ");
	print_hex(key, key_len);
	fprintf(port, " ");
	print_hex(val, val_len);
	fprintf(port, "\n");
}

static void show_by_walk(int fd, const struct bpf_map_info *info, size_t val_len)
{
	unsigned char *key = calloc(2, info->key_size + 8), *next = key + info->key_size + 4;
	unsigned char *val = calloc(1, val_len + 8);

	for (void *at = NULL; !bpf_map_get_next_key(fd, at, next); at = key) {
		memcpy(key, next, info->key_size);
		if (!bpf_map_lookup_elem(fd, key, val))
			print_entry(key, info->key_size, val, val_len);
	}
	free(key);
	free(val);
}

/* Taken out and put back: in the order they come. */
static void show_queue(int fd, const struct bpf_map_info *info)
{
	unsigned char vals[64][12];
	int n = 0;

	while (n < 64 && !bpf_map_lookup_and_delete_elem(fd, NULL, vals[n]))
		print_entry("", 0, vals[n++], info->value_size);
	for (int i = 0; i < n; i++)
		put(fd, NULL, vals[info->type == BPF_MAP_TYPE_STACK ? n - 1 - i : i]);
}

static void show_ring(int fd)
{
	long page = sysconf(_SC_PAGESIZE);
	unsigned long pos[2];

	for (int i = 0; i < 2; i++) {
		unsigned long *p = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, i * page);

		pos[i] = p == MAP_FAILED ? 0 : *p;
		munmap(p, page);
	}
	fprintf(port, "ring %lu %lu\n", pos[0], pos[1]);
}

static void show_own_note(int fd)
{
	int pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	struct inside_note note;
	unsigned pid = getpid();

	if (!bpf_map_lookup_elem(fd, &pidfd, &note))
		print_entry(&pid, sizeof(pid), &note, sizeof(note));
	close(pidfd);
}

/* Maps that the kernel does not let be listed: what was put into them, and the number of that. */
static void show_object(int fd, const struct bpf_map_info *info, int object, uint64_t number)
{
	struct inside_note note;

	if (!bpf_map_lookup_elem(fd, &object, &note))
		print_entry(&number, sizeof(number), &note, sizeof(note));
}

static void show_file(int fd)
{
	struct inside_note note;
	struct stat st;
	struct {
		uint64_t ino;
		uint32_t major, minor;
	} key;

	fstat(file_fd, &st);
	key.ino = st.st_ino;
	key.major = major(st.st_dev);
	key.minor = minor(st.st_dev);
	if (!bpf_map_lookup_elem(fd, &file_fd, &note))
		print_entry(&key, sizeof(key), &note, sizeof(note));
}

static void show_cgroup(void)
{
	unsigned key = 1;
	struct stat st;

	fstat(cgroup_fd, &st);
	print_entry(&key, sizeof(key), &(uint64_t){ st.st_ino }, 8);
}

static void show_event(void)
{
	struct {
		uint64_t config;
		unsigned type, cpu;
	} event = { PERF_COUNT_SW_CONTEXT_SWITCHES, PERF_TYPE_SOFTWARE, 1 };
	unsigned key = 2;

	print_entry(&key, sizeof(key), &event, sizeof(event));
}

static void show_xdp_socket(void)
{
	struct {
		uint64_t cookie;
		unsigned queue;
	} seen = { cookie_of(xdp_socket), 0 };
	unsigned key = 2;

	print_entry(&key, sizeof(key), &seen, 12);
}

static void show_arena(void)
{
	static const int pages[] = { 3, 700 };

	for (int i = 0; i < 2; i++) {
		uint64_t at = (uintptr_t)(arena + pages[i] * 4096);

		print_entry(&at, sizeof(at), (void *)at, 4096);
	}
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	fstat(fd, &st);
	return st.st_ino;
}

static void show_map(int fd, const struct bpf_map_info *info)
{
	size_t wide = (info->value_size + 7) / 8 * 8 * libbpf_num_possible_cpus();

	fprintf(port, "map %u %s %u %u %u %u %u\n", info->id, info->name, info->type,
		info->key_size, info->value_size, info->max_entries, info->map_flags);
	switch (info->type) {
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
		return show_queue(fd, info);
	case BPF_MAP_TYPE_RINGBUF:
	case BPF_MAP_TYPE_USER_RINGBUF:
		return show_ring(fd);
	case BPF_MAP_TYPE_CGROUP_STORAGE:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		return;
	case BPF_MAP_TYPE_TASK_STORAGE:
		return show_own_note(fd);
	case BPF_MAP_TYPE_SK_STORAGE:
		return show_object(fd, info, socket_fd, cookie);
	case BPF_MAP_TYPE_INODE_STORAGE:
		return show_file(fd);
	case TYPE_CGRP_STORAGE:
		return show_object(fd, info, cgroup_fd, inode_of(cgroup_fd));
	case BPF_MAP_TYPE_CGROUP_ARRAY:
		return show_cgroup();
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
		return show_event();
	case BPF_MAP_TYPE_XSKMAP:
		return show_xdp_socket();
	case TYPE_ARENA:
		return show_arena();
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		return show_by_walk(fd, info, wide);
	default:
		return show_by_walk(fd, info, info->value_size);
	}
}

static void show(const char *rest)
{
	unsigned id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = { 0 };
		unsigned len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(id);

		if (!bpf_obj_get_info_by_fd(fd, &info, &len))
			show_map(fd, &info);
		close(fd);
	}
}

/* ---- other answers --------------------------------------------------------------------------- */

static struct inside_state *map_state(void)
{
	struct bpf_map *m;
	void *p = MAP_FAILED;

	bpf_object__for_each_map(m, inside) if (strstr(bpf_map__name(m), ".bss")) p =
		mmap(NULL, sizeof(struct inside_state), PROT_READ | PROT_WRITE, MAP_SHARED,
		     bpf_map__fd(m), 0);
	if (p == MAP_FAILED)
		die("state");
	return p;
}

static void set_flag(const char *rest)
{
	static struct inside_state *state;

	if (!state)
		state = map_state();
	if (*rest)
		__atomic_store_n(&state->flag, atoi(rest), __ATOMIC_SEQ_CST);
	sched_yield();
	fprintf(port, "flag %d seen %llu\n", state->flag, state->nr_seen);
}

static void print_symbols(const char *rest)
{
	static const char *const wanted[] = {
		"init_top_pgt",  "linux_banner",     "map_idr",
		"prog_idr",      "btf_idr",          "__start_BTF",
		"__stop_BTF",    "nr_cpu_ids",       "init_uts_ns",
		"init_task",     "runqueues",        "__per_cpu_offset",
		"jiffies_64",    "_stext",           "__cpu_possible_mask",
		"_end",          "page_offset_base", "__log_buf",
		"vm_swappiness",
	};
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
			if (!strncmp(line + 19, wanted[i], strlen(wanted[i])) &&
			    line[19 + strlen(wanted[i])] == '\n')
				fputs(line, port);
	if (f)
		fclose(f);
}

static int go_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

static int write_setting(const char *name, const char *value, int cpu)
{
	char path[128];
	int fd;

	prctl(PR_SET_NAME, "tuner");
	if (cpu >= 0 && go_to(cpu))
		return 1;
	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_WRONLY);
	return fd < 0 || write(fd, value, strlen(value)) < 0;
}

static void tune(const char *rest)
{
	char name[64], value[32];
	int status = 1, cpu = -1;
	pid_t pid;

	if (sscanf(rest, " %63s %31s %d", name, value, &cpu) < 2)
		return;
	pid = fork();
	if (!pid)
		_exit(write_setting(name, value, cpu));
	waitpid(pid, &status, 0);
	fprintf(port, "tuner %d %s\n", pid, status ? "failed" : "wrote");
}

static void tell_members(const char *rest)
{
	print_members(port, rest);
}

static void tell_tasks(const char *rest)
{
	print_tasks(port, rest);
}

static void tell_cpus(const char *rest)
{
	print_cpus(port, rest);
}

static void tell_nodes(const char *rest)
{
	print_nodes(port, rest);
}

static void tell_links(const char *rest)
{
	print_links(port, rest);
}

static void drop(const char *rest)
{
	unsigned key = atoi(rest);
	int fd = bpf_object__find_map_fd_by_name(shapes, "tasks");

	fprintf(port, "drop %d\n", bpf_map_delete_elem(fd, &key));
}

static const struct {
	const char *word;
	void (*answer)(const char *rest);
} words[] = {
	{ "show", show },          { "flag", set_flag },
	{ "syms", print_symbols }, { "tasks", tell_tasks },
	{ "tune", tune },          { "drop", drop },
	{ "links", tell_links },   { "members", tell_members },
	{ "cpus", tell_cpus },     { "nodes", tell_nodes },
};

static void answer(char *line)
{
	line[strcspn(line, "\r\n")] = 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strncmp(line, words[i].word, strlen(words[i].word)))
			words[i].answer(line + strlen(words[i].word));
	fprintf(port, "end\n");
	fflush(port);
}

static void open_port(void)
{
	int fd = open("/dev/ttyS1", O_RDWR | O_NOCTTY);
	struct termios t;

	if (fd < 0 || tcgetattr(fd, &t))
		die("ttyS1");
	cfmakeraw(&t);
	tcsetattr(fd, TCSANOW, &t);
	port = fdopen(fd, "r+");
	setvbuf(port, NULL, _IOFBF, 65536);
}

int main(void)
{
	char line[256];

	mount("dev", "/dev", "devtmpfs", 0, NULL);
	freopen("/dev/console", "w", stdout);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	make_maps();
	open_port();
	printf("guest ready\n");
	fflush(stdout);
	for (;;) {
		if (fgets(line, sizeof(line), port))
			answer(line);
		else
			clearerr(port);
	}
}
