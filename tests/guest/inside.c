// SPDX-License-Identifier: MIT
/* inside.c - all there is in the test guest: process 1. It makes BPF maps of every kind, fills
 * them, and answers on its second serial port:
 *
 *   show         every map as the kernel gives it, in hex
 *   flag [N]     set the flag of inside.bpf.c, say what it is and what was counted so far
 *   syms         lines of /proc/kallsyms that tools outside may need
 *   tasks        pid and name of every process
 * Each answer ends with a line "end". */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "inside.h"
#include "shapes_fill.h"

#define TASKS 100

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
		return show_ring(fd);
	case BPF_MAP_TYPE_TASK_STORAGE:
		return show_own_note(fd);
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
		"init_top_pgt", "linux_banner", "map_idr",
		"prog_idr",     "btf_idr",      "__start_BTF",
		"__stop_BTF",   "nr_cpu_ids",   "init_uts_ns",
		"init_task",    "runqueues",    "__per_cpu_offset",
		"jiffies_64",   "_stext",       "__cpu_possible_mask",
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

static void print_tasks(const char *rest)
{
	DIR *d = opendir("/proc");
	struct dirent *at;

	while (d && (at = readdir(d))) {
		char path[300], comm[32] = "";
		FILE *f;

		if (!isdigit((unsigned char)at->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", at->d_name);
		f = fopen(path, "re");
		if (f && fgets(comm, sizeof(comm), f))
			fprintf(port, "task %s %s", at->d_name, comm);
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
}

static const struct {
	const char *word;
	void (*answer)(const char *rest);
} words[] = {
	{ "show", show },
	{ "flag", set_flag },
	{ "syms", print_symbols },
	{ "tasks", print_tasks },
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
