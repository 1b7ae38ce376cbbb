// SPDX-License-Identifier: MIT
/* code_names.c - ask the programs first, then kallsyms, and read those again that have changed. */
#include "capture/live/code_names.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define REST 20 /* times as long as a reading of kallsyms took, before the next */

void code_names_fini(struct code_names *n)
{
	ksyms_fini(&n->ksyms);
	bpf_text_fini(&n->text);
	buf_fini(&n->folders);
}

static const struct code_files *files_of(const struct code_names *n)
{
	static const struct code_files kernels = { "/proc/kallsyms", "/proc/modules",
						   "/sys/module" };

	return n->files ?: &kernels;
}

/* Each module has a folder, which is a link to the one above. */
static uint64_t count_modules(const struct code_names *n)
{
	struct stat st;

	return stat(files_of(n)->folders, &st) ? 0 : st.st_nlink;
}

/* Those of watches themselves do not. One that is gone again may have had one. */
static bool has_trampoline(uint32_t link)
{
	_close_ int fd = bpf_link_get_fd_by_id(link);
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ||
	       info.type != BPF_LINK_TYPE_PERF_EVENT;
}

static bool is_changed(const struct code_names *n, struct code_stamp *ret_now)
{
	bool is_new = false;

	*ret_now = n->stamp;
	while (!bpf_link_get_next_id(ret_now->link, &ret_now->link))
		is_new = is_new || has_trampoline(ret_now->link);
	ret_now->modules = count_modules(n);
	return is_new || ret_now->modules != n->stamp.modules;
}

/* ---- is it the same module still? ------------------------------------------------------------ */

/* sysfs never gives an inode's number twice. */
static void list_folders(struct code_names *n)
{
	DIR *dir = opendir(files_of(n)->folders);
	const struct dirent *d;

	buf_clear(&n->folders);
	while (dir && (d = readdir(dir))) {
		uint64_t ino = d->d_ino;

		buf_append(&n->folders, &ino, sizeof(ino));
	}
	if (dir)
		closedir(dir);
}

static bool was_listed(const struct code_names *n, uint64_t ino)
{
	const uint64_t *all = (const uint64_t *)n->folders.data;

	for (size_t i = 0; i < n->folders.len / sizeof(ino); i++) {
		if (all[i] == ino)
			return true;
	}
	return false;
}

/* What the kernel makes while it runs has no folder: trampolines, probes. */
static bool is_made(const char *module)
{
	return !strcmp(module, "bpf]") || !strncmp(module, "__builtin__", 11);
}

/* @module is "module]". Another one may have come in the place of one that went, so that there are
 * as many as there were. */
static bool is_same_module(const struct code_names *n, const char *module)
{
	char path[PATH_MAX];
	struct stat st;

	if (is_made(module))
		return true;
	snprintf(path, sizeof(path), "%s/%.*s", files_of(n)->folders, (int)strcspn(module, "]"),
		 module);
	return !stat(path, &st) && was_listed(n, st.st_ino);
}

/* Is it what was at @mono_ns? What was so after that was so then: a stack is asked about once a
 * module. */
static bool is_current(struct code_names *n, const struct ksym *s, uint64_t mono_ns)
{
	const char *name = (const char *)n->ksyms.names.data + s->name;
	const char *module = name + strcspn(name, "[");
	uint64_t now = clock_mono_ns();
	struct code_stamp stamp;

	module += *module == '[';
	if (mono_ns < n->sure_ns && (is_made(module) || !strcmp(module, n->sure)))
		return true;
	if (is_changed(n, &stamp))
		return false;
	n->stamp = stamp; /* so that each link is looked at once */
	if (!is_same_module(n, module))
		return false;
	n->sure_ns = now;
	n->sure = module;
	return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The stamp is taken first: what comes meanwhile is read once more. */
static int read_ksyms(struct code_names *n, struct ksnap_err *err)
{
	uint64_t begin = clock_mono_ns(), end;
	struct code_stamp now;
	int ret;

	n->sure_ns = 0;
	is_changed(n, &now);
	list_folders(n);
	ret = ksyms_load(&n->ksyms, files_of(n)->kallsyms, files_of(n)->modules, err);
	n->stamp = now;
	end = clock_mono_ns();
	n->rest_ns = end + REST * (end - begin);
	return ret;
}

static void read_text(struct code_names *n)
{
	n->looked_ns = clock_mono_ns();
	bpf_text_read(&n->text);
}

int code_names_read(struct code_names *n, struct ksnap_err *err)
{
	read_text(n);
	return read_ksyms(n, err);
}

int code_names_need(struct code_names *n, struct ksnap_err *err)
{
	return n->ksyms.syms.len ? 0 : code_names_read(n, err);
}

/* A hit from before the last look was of no program that came behind that. */
static void look(struct code_names *n, uint64_t mono_ns)
{
	uint64_t now;

	if (mono_ns < n->looked_ns)
		return;
	now = clock_mono_ns();
	if (bpf_text_is_behind(&n->text))
		read_text(n);
	else
		n->looked_ns = now;
}

/* Both clocks run at one rate, but for the time that the machine was suspended. */
static uint64_t boot_of(uint64_t mono_ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return mono_ns + (ts.tv_sec * NS_PER_S + ts.tv_nsec - clock_mono_ns());
}

/* Of what comes and goes without being a program: modules, trampolines. */
static const char *find_other(struct code_names *n, uint64_t addr, uint64_t mono_ns,
			      const struct ksym *s, uint64_t *ret_off)
{
	if (s && is_current(n, s, mono_ns))
		return ksyms_name(&n->ksyms, s, addr, ret_off);
	if (clock_mono_ns() < n->rest_ns || read_ksyms(n, NULL))
		return NULL;
	s = ksyms_at(&n->ksyms, addr);
	return s ? ksyms_name(&n->ksyms, s, addr, ret_off) : NULL;
}

const char *code_names_find(struct code_names *n, uint64_t addr, uint64_t mono_ns,
			    uint64_t *ret_off)
{
	const struct ksym *s = ksyms_at(&n->ksyms, addr);
	const char *name;

	if (s && s->stays)
		return ksyms_name(&n->ksyms, s, addr, ret_off);
	look(n, mono_ns);
	name = bpf_text_find(&n->text, addr, boot_of(mono_ns), ret_off);
	return name ? name : find_other(n, addr, mono_ns, s, ret_off);
}

const char *code_names_known(const struct code_names *n, uint64_t addr, uint64_t *ret_off)
{
	const char *name = bpf_text_find(&n->text, addr, n->text.read_ns, ret_off);

	return name ? name : ksyms_find(&n->ksyms, addr, ret_off);
}
