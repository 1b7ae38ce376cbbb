// SPDX-License-Identifier: MIT
/* writer.c - hold watched.bpf.o as object "watched", and do what stdin says, a line at a time:
 *
 *	write_u64 N     run that program of it, which writes N times: prints "wrote"
 *	trapped N       write_u64 N, and print how often perf saw that; takes a register meanwhile
 *	registers       take all debug registers of all CPUs, and give them back: prints "free", or
 *	                how many of how many could be had
 *
 * Prints READY first, when no other object of the name is left. Row 7 of watched_rows is there.
 * Ends with stdin. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traps.h"
#include "watched.h"

#define REGISTERS 4 /* of a CPU */

static struct bpf_object *obj;

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int run(const char *program, unsigned long long times, unsigned long long *ret_addr)
{
	struct watched_order o = { .times = times };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &o, .ctx_size_in = sizeof(o));
	struct bpf_program *p = bpf_object__find_program_by_name(obj, program);

	if (!p || bpf_prog_test_run_opts(bpf_program__fd(p), &opts) || opts.retval)
		return -1;
	*ret_addr = o.addr;
	return 0;
}

static void count_registers(unsigned long long addr)
{
	int ncpus = sysconf(_SC_NPROCESSORS_ONLN), had = 0;
	int *fds = malloc(ncpus * REGISTERS * sizeof(*fds));

	for (int i = 0; i < ncpus * REGISTERS; i++) {
		fds[i] = traps_event(addr, i / REGISTERS);
		had += fds[i] >= 0;
	}
	for (int i = 0; i < ncpus * REGISTERS; i++)
		close(fds[i]);
	free(fds);
	if (had == ncpus * REGISTERS)
		printf("free\n");
	else
		printf("%d of %d\n", had, ncpus * REGISTERS);
}

static int write_and_count(unsigned long long times)
{
	unsigned long long addr, seen;
	struct traps traps;

	if (run("write_u64", 0, &addr) || traps_begin(&traps, addr))
		return -1;
	if (run("write_u64", times, &addr)) {
		traps_end(&traps);
		return -1;
	}
	seen = traps_end(&traps);
	if (traps_are_enough(seen, times))
		printf("%llu\n", seen);
	else
		printf("only %llu\n", seen);
	return 0;
}

static int obey(const char *line)
{
	unsigned long long times = 0, addr;
	char word[32] = "";

	if (sscanf(line, "%31s %llu", word, &times) < 1)
		return -1;
	if (!strcmp(word, "registers")) {
		if (run("write_u64", 0, &addr))
			return -1;
		count_registers(addr);
	} else if (!strcmp(word, "trapped")) {
		if (write_and_count(times))
			return -1;
	} else {
		if (run(word, times, &addr))
			return -1;
		printf("wrote\n");
	}
	return fflush(stdout);
}

/* Is there another watched.bss than ours? The kernel frees maps some time after their last user. */
static int is_alone(unsigned int ours)
{
	unsigned int id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = { 0 };
		unsigned int len = sizeof(info);
		int fd = id == ours ? -1 : bpf_map_get_fd_by_id(id);
		int other = fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
			    !strcmp(info.name, "watched.bss");

		if (fd >= 0)
			close(fd);
		if (other)
			return 0;
	}
	return 1;
}

static unsigned int id_of(const char *map)
{
	struct bpf_map_info info = { 0 };
	unsigned int len = sizeof(info);

	bpf_obj_get_info_by_fd(bpf_object__find_map_fd_by_name(obj, map), &info, &len);
	return info.id;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "watched");
	unsigned char row[20] = { 0 };
	unsigned int key = 7;
	char line[128];

	if (argc != 2) {
		fprintf(stderr, "usage: writer watched.bpf.o\n");
		return 2;
	}
	obj = bpf_object__open_file(argv[1], &opts);
	if (!obj || bpf_object__load(obj))
		return fail(argv[1]);
	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(obj, "watched_rows"), &key, row, 0))
		return fail("row 7");
	while (!is_alone(id_of("watched.bss")))
		sched_yield();
	printf("READY\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		if (obey(line))
			return fail(line);
	bpf_object__close(obj);
	return 0;
}
