// SPDX-License-Identifier: MIT
/* code_names.c - ask the programs first, then kallsyms, and read those again that have changed. */
#include "capture/live/code_names.h"

#include <bpf/bpf.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"

#define KALLSYMS "/proc/kallsyms"
#define MODULES  "/proc/modules"
#define REST     20 /* times as long as a reading of kallsyms took, before the next */

void code_names_fini(struct code_names *n)
{
	ksyms_fini(&n->ksyms);
	bpf_text_fini(&n->text);
}

/* Each module has a folder, which is a link to the one above. */
static uint64_t count_modules(void)
{
	struct stat st;

	return stat("/sys/module", &st) ? 0 : st.st_nlink;
}

static bool is_changed(const struct code_stamp *then, struct code_stamp *ret_now)
{
	*ret_now = *then;
	while (!bpf_link_get_next_id(ret_now->link, &ret_now->link))
		;
	ret_now->modules = count_modules();
	return ret_now->link != then->link || ret_now->modules != then->modules;
}

/* The stamp is taken first: what comes meanwhile is read once more. */
static int read_ksyms(struct code_names *n, struct ksnap_err *err)
{
	uint64_t begin = clock_mono_ns(), end;
	struct code_stamp now;
	int ret;

	is_changed(&n->stamp, &now);
	ret = ksyms_load(&n->ksyms, KALLSYMS, MODULES, err);
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
static const char *find_other(struct code_names *n, uint64_t addr, const struct ksym *s,
			      uint64_t *ret_off)
{
	struct code_stamp now;

	if (s && !is_changed(&n->stamp, &now))
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
	return name ? name : find_other(n, addr, s, ret_off);
}

const char *code_names_known(const struct code_names *n, uint64_t addr, uint64_t *ret_off)
{
	const char *name = bpf_text_find(&n->text, addr, n->text.read_ns, ret_off);

	return name ? name : ksyms_find(&n->ksyms, addr, ret_off);
}
