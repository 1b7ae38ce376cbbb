// SPDX-License-Identifier: MIT
/* facts.c - what the kernel of a guest says of itself, for comparing with what is seen from
 * outside. */
#include "facts.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <dirent.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static void print_file(FILE *port, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[4096];

	while (f && fgets(line, sizeof(line), f))
		fputs(line, port);
	if (f)
		fclose(f);
}

void print_members(FILE *port, const char *rest)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s", rest + 1);
	print_file(port, path);
}

void print_cpus(FILE *port, const char *rest)
{
	print_file(port, "/proc/stat");
}

void print_nodes(FILE *port, const char *rest)
{
	print_file(port, "/sys/devices/system/node/node0/numastat");
}

/* The numbers are where each kind has them: an attach type, an object's number, another one's. */
static void print_link(FILE *port, int fd, const struct bpf_link_info *info)
{
	const unsigned *word = (const unsigned *)&info->raw_tracepoint;
	struct bpf_link_info again = { 0 };
	char name[64] = "-";
	unsigned len = sizeof(again);

	again.raw_tracepoint.tp_name = (uintptr_t)name;
	again.raw_tracepoint.tp_name_len = sizeof(name);
	if (info->type == BPF_LINK_TYPE_RAW_TRACEPOINT || info->type == BPF_LINK_TYPE_ITER)
		bpf_obj_get_info_by_fd(fd, &again, &len);
	fprintf(port, "link %u %s %u %s %u %u %u %u\n", info->id,
		libbpf_bpf_link_type_str(info->type), info->prog_id, name, word[0], word[1],
		word[2], word[3]);
}

void print_links(FILE *port, const char *rest)
{
	unsigned id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		struct bpf_link_info info = { 0 };
		unsigned len = sizeof(info);
		int fd = bpf_link_get_fd_by_id(id);

		if (!bpf_obj_get_info_by_fd(fd, &info, &len))
			print_link(port, fd, &info);
		close(fd);
	}
}

void print_tasks(FILE *port, const char *rest)
{
	DIR *d = opendir("/proc");
	struct dirent *at;

	while (d && (at = readdir(d))) {
		char path[300], comm[128] = ""; /* of a worker, with the name of its queue */
		FILE *f;

		if (!isdigit((unsigned char)at->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", at->d_name);
		f = fopen(path, "re");
		if (f && fgets(comm, sizeof(comm), f))
			fprintf(port, "task %s %.*s\n", at->d_name, (int)strcspn(comm, "\n"), comm);
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
}
