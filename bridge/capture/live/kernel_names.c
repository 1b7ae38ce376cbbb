// SPDX-License-Identifier: MIT
/* kernel_names.c - ask kallsyms, then a file that proves to be of the running kernel. */
#include "capture/live/kernel_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/near.h"
#include "capture/live/kernel_symbol.h"
#include "capture/memory/slide.h"
#include "capture/memory/vmlinux.h"
#include "report/listing.h"

/* Where distributions and builds of one's own put it. */
static const struct place {
	const char *form; /* of the release */
	bool is_text;
} places[] = {
	{ "/boot/vmlinux-%s", false },
	{ "/usr/lib/debug/boot/vmlinux-%s", false },
	{ "/usr/lib/debug/boot/vmlinux-%s.debug", false },
	{ "/usr/lib/debug/lib/modules/%s/vmlinux", false },
	{ "/lib/modules/%s/build/vmlinux", false },
	{ "/lib/modules/%s/vmlinux", false },
	{ "/boot/System.map-%s", true },
	{ "/usr/lib/debug/boot/System.map-%s", true },
	{ "/lib/modules/%s/build/System.map", true },
	{ "/lib/modules/%s/System.map", true },
};

void kernel_names_init(struct kernel_names *k)
{
	struct utsname u;

	*k = (struct kernel_names){ .kallsyms = KALLSYMS,
				    .notes = "/sys/kernel/notes",
				    .root = "" };
	if (!uname(&u))
		snprintf(k->release, sizeof(k->release), "%s", u.release);
}

void kernel_names_fini(struct kernel_names *k)
{
	symbols_fini(&k->symbols);
	free(k->option);
}

int kernel_names_options(struct kernel_names *k, const char *options, struct ksnap_err *err)
{
	static const char *const keys[] = { "vmlinux=", "kallsyms=" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t len = strlen(keys[i]);

		if (strncmp(options, keys[i], len) || !options[len])
			continue;
		k->option = strdup(options + len);
		k->is_text = i == 1;
		return k->option ? 0 : err_nomem(err);
	}
	if (!*options)
		return 0;
	return err_set(
		err, KSNAP_E_ARG,
		"target live takes vmlinux=FILE, or kallsyms=FILE for a System.map, not '%s'",
		options);
}

/* ---- a file -------------------------------------------------------------------------------- */

static int check_build_id(const struct kernel_names *k, const struct vmlinux *v, const char *path,
			  struct ksnap_err *err)
{
	char running[BUILD_ID_MAX];

	vmlinux_running_id(k->notes, running);
	if (!v->build_id[0] || !running[0] || !strcmp(v->build_id, running))
		return 0;
	return err_set(err, KSNAP_E_TARGET,
		       "%s is another kernel: its build id is %s, the running one has %s", path,
		       v->build_id, running);
}

static int read_file(struct kernel_names *k, const char *path, bool is_text,
		     const struct symbols *running, struct ksnap_err *err)
{
	struct vmlinux v = { 0 };
	uint64_t slide = 0;
	int ret = is_text ? symbols_read_text(&k->symbols, path, err)
			  : vmlinux_read(&v, path, &k->symbols, err);

	ret = ret ?: check_build_id(k, &v, path, err);
	ret = ret ?: symbols_seal(&k->symbols, err);
	ret = ret ?: slide_find(&k->symbols, path, running, &slide, err);
	if (ret) {
		symbols_clear(&k->symbols);
		return ret;
	}
	symbols_slide(&k->symbols, slide);
	snprintf(k->file, sizeof(k->file), "%s", path);
	return 0;
}

/* 0 also when none is there; @why lists those that are, and are no use. */
static int search_places(struct kernel_names *k, const struct symbols *running, struct list *why,
			 struct ksnap_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(places) && !k->file[0]; i++) {
		char path[sizeof(k->file)], name[128];
		struct ksnap_err of_file = { 0 };
		int ret;

		snprintf(name, sizeof(name), places[i].form, k->release);
		snprintf(path, sizeof(path), "%s%s", k->root, name);
		if (access(path, F_OK))
			continue;
		ret = read_file(k, path, places[i].is_text, running, &of_file);
		if (ret == KSNAP_E_NOMEM)
			return err_nomem(err);
		if (ret)
			list_add(why, "%s", of_file.text);
	}
	return 0;
}

static int read_running(const struct kernel_names *k, struct symbols *ret, struct ksnap_err *err)
{
	int code = symbols_read_text(ret, k->kallsyms, err);

	return code ? code : symbols_seal(ret, err);
}

/* Kernels without CONFIG_KALLSYMS_ALL list a few dozen marks of the linker as data. */
static bool has_variables(const struct symbols *s)
{
	const struct symbol_row *row = (const struct symbol_row *)s->rows.data;
	size_t functions = 0, variables = 0;

	for (size_t i = 0; i < symbols_count(s); i++) {
		functions += !!strchr("tTwW", row[i].type);
		variables += !!strchr("dDbB", row[i].type);
	}
	return variables * 100 >= functions;
}

/* Have a file in use, if one can help. */
static int need_file(struct kernel_names *k, const struct symbols *running, struct list *why,
		     struct ksnap_err *err)
{
	if (k->file[0])
		return 0;
	if (k->option)
		return read_file(k, k->option, k->is_text, running, err);
	return has_variables(running) ? 0 : search_places(k, running, why, err);
}

/* ---- finding --------------------------------------------------------------------------------- */

static const char *name_of(const struct symbols *s, size_t i)
{
	return (const char *)s->names.data + ((const struct symbol_row *)s->rows.data)[i].name;
}

static int refuse_several(const struct kernel_names *k, const char *name, size_t n,
			  struct ksnap_err *err)
{
	const struct symbol_row *row = (const struct symbol_row *)k->symbols.rows.data;
	struct list all = { 0 };

	for (size_t i = 0; i < symbols_count(&k->symbols); i++)
		if (!strcmp(name_of(&k->symbols, i), name))
			list_add(&all, "0x%llx", (unsigned long long)row[i].addr);
	return err_set(err, KSNAP_E_ARG,
		       "%zu kernel symbols are called %.64s in %s; name an address: %s", n, name,
		       k->file, list_text(&all));
}

/* Functions are not what somebody means who looks for a variable. */
static void add_near(struct near *near, const struct symbols *s)
{
	const struct symbol_row *row = (const struct symbol_row *)s->rows.data;

	for (size_t i = 0; i < symbols_count(s); i++)
		if (!strchr("tTwWaA", row[i].type))
			near_add(near, name_of(s, i));
	near->seen = 0; /* how many others there are helps nobody */
}

static int miss(struct kernel_names *k, const char *name, const struct symbols *running,
		const struct list *why, struct ksnap_err *err)
{
	struct near near = { .want = name };
	char names[NEAR_TEXT];

	add_near(&near, k->file[0] ? &k->symbols : running);
	near_text(&near, names, sizeof(names));
	if (k->file[0] || has_variables(running))
		return err_set(err, KSNAP_E_NOTFOUND,
			       "the kernel has no symbol %.64s%s%s; near: %s", name,
			       k->file[0] ? ", by " : "", k->file, names);
	k->is_blind = true;
	return err_set(err, KSNAP_E_NOTFOUND,
		       "the kernel lists no symbol %.64s; it lists functions only and no variables "
		       "(CONFIG_KALLSYMS_ALL is off), and no vmlinux or System.map of it is at the "
		       "usual places such as /boot/vmlinux-%s (%s): name one, --target "
		       "live:vmlinux=FILE",
		       name, k->release, why->n ? why->text : "none is there");
}

static int check(const struct symbols *s, const char *name, uint64_t addr, struct ksnap_err *err)
{
	uint64_t from = 0, to = 0;

	symbols_find(s, "__per_cpu_start", &from);
	symbols_find(s, "__per_cpu_end", &to);
	return kernel_symbol_check(name, addr, from, to, err);
}

static int find_in_file(struct kernel_names *k, const char *name, const struct symbols *running,
			uint64_t *ret, struct ksnap_err *err)
{
	struct list why = { 0 };
	int code = need_file(k, running, &why, err);
	size_t n;

	if (code)
		return code;
	n = symbols_find(&k->symbols, name, ret);
	if (n > 1)
		return refuse_several(k, name, n, err);
	return n ? check(&k->symbols, name, *ret, err) : miss(k, name, running, &why, err);
}

int kernel_names_find(struct kernel_names *k, const char *name, uint64_t *ret,
		      struct ksnap_err *err)
{
	struct symbols running = { 0 };
	struct ksnap_err unlisted = { 0 };
	int code = kernel_symbol_find(k->kallsyms, name, ret, &unlisted);

	if (code != KSNAP_E_NOTFOUND)
		return code ? err_set(err, code, "%s", unlisted.text) : 0;
	code = read_running(k, &running, err);
	if (!code)
		code = find_in_file(k, name, &running, ret, err);
	symbols_fini(&running);
	return code;
}

int kernel_names_find_other(struct kernel_names *k, const char *name,
			    const struct ksnap_err *no_global, bool is_told, uint64_t *ret,
			    struct ksnap_err *err)
{
	struct ksnap_err why = { 0 };
	int code = kernel_names_find(k, name, ret, &why);

	if (code != KSNAP_E_NOTFOUND)
		return code ? err_set(err, code, "%s", why.text) : 0;
	if (is_told && k->is_blind)
		return err_set(err, code, "%.380s; nor does the kernel list a symbol of that name",
			       no_global->text);
	return err_set(err, code, "%.190s; and %.310s", no_global->text, why.text);
}

int kernel_names_source(struct kernel_names *k, char *buf, size_t cap, struct ksnap_err *err)
{
	struct symbols running = { 0 };
	struct list why = { 0 };
	int code = read_running(k, &running, err);

	code = code ?: need_file(k, &running, &why, err);
	if (!code && !k->file[0] && !has_variables(&running))
		code = err_set(err, KSNAP_E_NOTFOUND,
			       "%s lists functions only (CONFIG_KALLSYMS_ALL is off), and no "
			       "vmlinux or System.map of %s is at the usual places (%s)",
			       k->kallsyms, k->release, why.n ? why.text : "none is there");
	if (!code)
		snprintf(buf, cap, "%s", k->file[0] ? k->file : k->kallsyms);
	symbols_fini(&running);
	return code;
}
