// SPDX-License-Identifier: MIT
/* hold.c - load a BPF object for a test, fill it, and hold it until stdin is closed.
 *
 * hold OBJECT [TASKS]: prints "map NAME ID" and "prog NAME ID" lines, then READY. Maps of
 * shapes.bpf.o are filled (TASKS entries in tasks, 100 by default); programs that can attach
 * themselves are.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shapes_fill.h"

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static void print_ids(struct bpf_object *obj)
{
	struct bpf_map_info mi = { 0 };
	struct bpf_prog_info pi = { 0 };
	struct bpf_program *p;
	struct bpf_map *m;
	unsigned len;

	bpf_object__for_each_map(m, obj)
	{
		len = sizeof(mi);
		mi = (struct bpf_map_info){ 0 };
		if (!bpf_obj_get_info_by_fd(bpf_map__fd(m), &mi, &len))
			printf("map %s %u\n", mi.name, mi.id);
	}
	bpf_object__for_each_program(p, obj)
	{
		len = sizeof(pi);
		pi = (struct bpf_prog_info){ 0 };
		if (!bpf_obj_get_info_by_fd(bpf_program__fd(p), &pi, &len))
			printf("prog %s %u\n", pi.name, pi.id);
	}
}

static void wait_for_end_of_stdin(void)
{
	char buf[64];

	while (read(STDIN_FILENO, buf, sizeof(buf)) > 0)
		;
}

int main(int argc, char **argv)
{
	unsigned ntasks = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;
	struct bpf_program *p;
	struct bpf_object *obj;

	if (argc < 2) {
		fprintf(stderr, "usage: hold OBJECT [TASKS]\n");
		return 2;
	}
	obj = bpf_object__open(argv[1]);
	if (!obj || bpf_object__load(obj))
		return fail(argv[1]);
	if (bpf_object__find_map_fd_by_name(obj, "levels") >= 0 && shapes_fill(obj, ntasks))
		return fail("fill");
	bpf_object__for_each_program(p, obj)
		bpf_program__attach(p); /* the links live as long as this process */
	print_ids(obj);
	printf("READY\n");
	fflush(stdout);
	wait_for_end_of_stdin();
	bpf_object__close(obj);
	return 0;
}
