// SPDX-License-Identifier: MIT
/* probes.c - what the running kernel must let us do: try each thing once, and undo it. */
#include "capture/live/probes.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/live/breakpoint.h"
#include "capture/live/cgroup_path.h"
#include "capture/live/kernel_names.h"
#include "capture/live/kernel_read.h"
#include "capture/live/privilege.h"
#include "capture/live/sched.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"
#define MOUNTS     "/proc/self/mounts"
#define BE_ROOT    "run as root, or with CAP_SYS_ADMIN, CAP_BPF and CAP_PERFMON"

static void find(struct probe_finding *f, enum probe_verdict v, const char *mend, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));

static void find(struct probe_finding *f, enum probe_verdict v, const char *mend, const char *fmt,
		 ...)
{
	va_list ap;

	f->verdict = v;
	f->mend = mend;
	va_start(ap, fmt);
	vsnprintf(f->found, sizeof(f->found), fmt, ap);
	va_end(ap);
	f->found[strcspn(f->found, "\n")] = 0;
}

/* A part that failed with @err; @mend is for causes other than a lack of rights. */
static void find_failed(struct probe_finding *f, enum probe_verdict v, const struct ksnap_err *err,
			const char *mend)
{
	char missing[64];

	privilege_missing(missing, sizeof(missing));
	if (err->code == KSNAP_E_DENIED && *missing)
		return find(f, v, BE_ROOT, "refused: this process lacks %s", missing);
	find(f, v, mend, "%s", err->text);
}

static void look_maps(const char *options, struct probe_finding *ret)
{
	struct ksnap_err err;
	uint32_t id = 0, n = 0;

	while (!bpf_map_get_next_id(id, &id))
		n++;
	if (errno == ENOENT)
		return find(ret, PROBE_GOOD, NULL, "%u BPF map%s on this host", n,
			    n == 1 ? "" : "s");
	privilege_or_target(&err, errno, "list BPF maps");
	find_failed(ret, PROBE_MISSING, &err, NULL);
}

static void look_types(const char *options, struct probe_finding *ret)
{
	struct stat st;

	if (!access(KERNEL_BTF, R_OK) && !stat(KERNEL_BTF, &st))
		return find(ret, PROBE_GOOD, NULL, "%s, %lld KiB", KERNEL_BTF,
			    (long long)st.st_size >> 10);
	find(ret, PROBE_LIMITED, "use a kernel with CONFIG_DEBUG_INFO_BTF=y",
	     "%s cannot be read: %s", KERNEL_BTF, strerror(errno));
}

static void look_programs(const char *options, struct probe_finding *ret)
{
	struct ksnap_err err;
	struct kernel_reader *r = kernel_reader_create(&err);

	kernel_reader_destroy(r);
	if (r)
		return find(ret, PROBE_GOOD, NULL, "a program that reads kernel memory loads");
	find_failed(ret, PROBE_LIMITED, &err, NULL);
}

static void look_registers(const char *options, struct probe_finding *ret)
{
	struct ksnap_err err;

	if (!breakpoint_try(&err))
		return find(ret, PROBE_GOOD, NULL, "every CPU has a free one");
	find_failed(ret, PROBE_LIMITED, &err,
		    err.code == KSNAP_E_LIMIT
			    ? "end a watch, or the debugger that holds them"
			    : "in a virtual machine, ask its host for debug registers");
}

static void look_symbols(const char *options, struct probe_finding *ret)
{
	struct kernel_names names;
	struct ksnap_err err;
	char source[512];
	int code;

	kernel_names_init(&names);
	code = kernel_names_options(&names, options, &err);
	code = code ? code : kernel_names_source(&names, source, sizeof(source), &err);
	kernel_names_fini(&names);
	if (!code)
		return find(ret, PROBE_GOOD, NULL, "the kernel's variables are in %s", source);
	find(ret, *options ? PROBE_MISSING : PROBE_LIMITED,
	     code == KSNAP_E_NOTFOUND
		     ? "name a vmlinux or System.map of this kernel: live:vmlinux=FILE"
		     : "run as root, with kernel.kptr_restrict at most 1",
	     "%s", err.text);
}

static void look_counts(const char *options, struct probe_finding *ret)
{
	_close_ int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	struct ksnap_err err;

	if (fd >= 0)
		return find(ret, PROBE_GOOD, NULL, "the kernel counts runs while asked to");
	privilege_or_target(&err, errno, "have the runs of programs counted");
	find_failed(ret, PROBE_LIMITED, &err, NULL);
}

/* Does a cgroup below @root lack the file? The root itself never has it. */
static bool lacks_freezer(const char *root)
{
	struct dirent *e;
	bool lacks = false;
	DIR *d = opendir(root);

	while (d && !lacks && (e = readdir(d))) {
		char path[PATH_MAX + NAME_MAX + 32];

		snprintf(path, sizeof(path), "%s/%s/cgroup.freeze", root, e->d_name);
		lacks = e->d_type == DT_DIR && e->d_name[0] != '.' && access(path, F_OK);
	}
	if (d)
		closedir(d);
	return lacks;
}

static void look_cgroups(const char *options, struct probe_finding *ret)
{
	struct ksnap_err err;
	char root[PATH_MAX];

	if (cgroup_root(MOUNTS, root, sizeof(root), &err))
		return find(ret, PROBE_LIMITED,
			    "mount -t cgroup2 none /sys/fs/cgroup/unified, or boot with "
			    "systemd.unified_cgroup_hierarchy=1",
			    "%s", err.text);
	if (lacks_freezer(root))
		return find(ret, PROBE_LIMITED, "use Linux 5.2 or later",
			    "the cgroups of %s have no file cgroup.freeze", root);
	find(ret, PROBE_GOOD, NULL, "%s", root);
}

static void look_controllers(const char *options, struct probe_finding *ret)
{
	static const char *const wanted[] = { "cpu", "cpuset", "memory" };
	char root[PATH_MAX], path[PATH_MAX + 32], line[512] = " ", lacking[64] = "";
	struct ksnap_err err;
	FILE *f = NULL;

	if (!cgroup_root(MOUNTS, root, sizeof(root), &err)) {
		snprintf(path, sizeof(path), "%s/cgroup.controllers", root);
		f = fopen(path, "re");
	}
	if (f && fgets(line + 1, sizeof(line) - 2, f))
		line[strcspn(line, "\n")] = ' ';
	if (f)
		fclose(f);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		char word[16];

		snprintf(word, sizeof(word), " %s ", wanted[i]);
		if (!strstr(line, word))
			snprintf(lacking + strlen(lacking), sizeof(lacking) - strlen(lacking),
				 "%s%s", *lacking ? ", " : "", wanted[i]);
	}
	if (!*lacking)
		return find(ret, PROBE_GOOD, NULL, "cpu, cpuset and memory");
	find(ret, PROBE_LIMITED,
	     "boot with systemd.unified_cgroup_hierarchy=1: version 1 holds them",
	     "the version 2 hierarchy has no controller %s", lacking);
}

static void look_sched_ext(const char *options, struct probe_finding *ret)
{
	if (!access(SCHED_DIR, F_OK))
		return find(ret, PROBE_GOOD, NULL, SCHED_DIR);
	find(ret, PROBE_LIMITED, "use Linux 6.12 or later with CONFIG_SCHED_CLASS_EXT=y",
	     "this kernel has no sched_ext");
}

const struct probe live_probes[] = {
	{ "maps", "everything", look_maps },
	{ "types", "values with names and types where a map brings none; watches of kernel fields",
	  look_types },
	{ "programs", "pointers that are followed, reads of kernel memory, watches",
	  look_programs },
	{ "registers", "watches", look_registers },
	{ "symbols", "kernel variables by name", look_symbols },
	{ "counts", "run counts and run times of programs", look_counts },
	{ "cgroups", "freezing, and the processes of a cgroup", look_cgroups },
	{ "controllers", "cpu_max, set_cpuset and memory_max of scenarios", look_controllers },
	{ "sched_ext", "the state of sched_ext schedulers", look_sched_ext },
	{ 0 },
};
