// SPDX-License-Identifier: MIT
/* per_cpu.c - ask the kernel where a variable is; where it does not tell, start from the run queue
 * of the CPU, which its running task leads to, and count with BTF's offsets. */
#include "capture/live/per_cpu.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/cpu_bits.h"
#include "capture/live/kernel_symbol.h"
#include "capture/live/live.h"
#include "capture/live/load_log.h"
#include "capture/live/privilege.h"

#define SECTION ".data..percpu"
#define ANCHOR  "runqueues" /* the per-CPU variable by which a CPU's base is found */

/* libbpf reads it as an ELF file, whose headers need this alignment. */
static const uint8_t elf[] __attribute__((aligned(8))) = {
#include "capture/bpf/percpu.inc"
};

/* What the program leaves in its .bss: ksnap_found. */
struct found {
	uint64_t rq, cpu;
};

struct per_cpu {
	struct bpf_object *bpf;
	const struct found *found; /* mapped */
	int prog_fd;
};

void per_cpu_destroy(struct per_cpu *k)
{
	int saved = errno;

	if (!k)
		return;
	if (k->found)
		munmap((void *)k->found, sizeof(*k->found));
	bpf_object__close(k->bpf);
	free(k);
	errno = saved;
}

/* ---- variables of each CPU ------------------------------------------------------------------- */

static int load(struct per_cpu *k, struct ksnap_err *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "ksnap_percpu");
	static const char what[] = "load the program that finds a CPU's variables";
	const struct found *found;

	k->bpf = bpf_object__open_mem(elf, sizeof(elf), &opts);
	if (!k->bpf || bpf_object__load(k->bpf))
		return privilege_or_target(err, errno, what);
	k->prog_fd = bpf_program__fd(bpf_object__find_program_by_name(k->bpf, "ksnap_find_rq"));
	found = mmap(NULL, sizeof(*found), PROT_READ, MAP_SHARED,
		     bpf_map__fd(bpf_object__find_map_by_name(k->bpf, ".bss")), 0);
	if (found == MAP_FAILED)
		return err_errno(err, KSNAP_E_TARGET, errno, "cannot map what the program finds");
	k->found = found;
	return 0;
}

static int need_program(struct target *t, struct ksnap_err *err)
{
	struct per_cpu *k;
	int ret;

	if (t->per_cpu)
		return 0;
	k = calloc(1, sizeof(*k));
	if (!k)
		return err_nomem(err);
	load_log_begin();
	ret = load(k, err);
	load_log_end();
	if (ret)
		per_cpu_destroy(k);
	else
		t->per_cpu = k;
	return ret;
}

/* Of section .data..percpu: the row of @name, its offset, its type. */
static int find_var(const struct btf *btf, const char *name, uint32_t *ret_off, uint32_t *ret_type,
		    struct ksnap_err *err)
{
	int id = btf__find_by_name_kind(btf, SECTION, BTF_KIND_DATASEC);
	const struct btf_type *sec = id > 0 ? btf__type_by_id(btf, id) : NULL;

	if (!sec)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "the kernel's BTF does not tell its per-CPU variables");
	for (unsigned i = 0; i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(sec) + i;
		const struct btf_type *var = btf__type_by_id(btf, v->type);

		if (strcmp(btf__name_by_offset(btf, var->name_off), name))
			continue;
		*ret_off = v->offset;
		*ret_type = var->type;
		return 0;
	}
	return err_set(err, KSNAP_E_NOTFOUND, "the kernel has no per-CPU variable %.100s", name);
}

/* Where CPU @cpu has its run queue. */
static int find_queue(struct target *t, uint32_t cpu, uint64_t *ret, struct ksnap_err *err)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = cpu);
	int rc = need_program(t, err);

	if (rc)
		return rc;
	if (bpf_prog_test_run_opts(t->per_cpu->prog_fd, &opts))
		return privilege_or_target(err, errno, "look at a CPU");
	if (!t->per_cpu->found->rq || t->per_cpu->found->cpu != cpu)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "the run queue of CPU %u cannot be found on this kernel", cpu);
	*ret = t->per_cpu->found->rq;
	return 0;
}

static int check_cpu(const struct symbol *s, struct ksnap_err *err)
{
	struct cpu_bits online;
	int ret = cpu_bits_online(&online, err);

	if (!ret && !cpu_bits_has(&online, s->cpu))
		ret = err_set(err, KSNAP_E_ARG, "symbol: %.100s: CPU %u is not online", s->text,
			      s->cpu);
	return ret;
}

static int find_by_queue(struct target *t, const struct btf *btf, const struct symbol *s,
			 uint64_t *ret, uint32_t *ret_type, struct ksnap_err *err)
{
	uint32_t anchor = 0, off = 0, unused;
	uint64_t queue = 0;
	int code = check_cpu(s, err);

	code = code ?: find_var(btf, ANCHOR, &anchor, &unused, err);
	code = code ?: find_var(btf, s->name, &off, ret_type, err);
	code = code ?: find_queue(t, s->cpu, &queue, err);
	*ret = queue - anchor + off;
	return code;
}

/* ---- both ways ------------------------------------------------------------------------------- */

int per_cpu_find(struct target *t, const struct symbol *s, bool hops, uint64_t *ret_addr,
		 struct btf_spot *ret, struct ksnap_err *err)
{
	const struct btf *btf = btf_types_load(t->types, BTF_OF_KERNEL, err);
	uint32_t type = 0;
	struct path path;
	int code;

	if (!btf)
		return err ? err->code : KSNAP_E_TARGET;
	code = per_cpu_variable_find(btf, s->name, s->cpu, ret_addr, &type, err);
	if (code == KSNAP_E_UNSUPPORTED)
		code = find_by_queue(t, btf, s, ret_addr, &type, err);
	if (code)
		return code;
	path_init(&path, s->path);
	return btf_path_find(btf, type, &path, hops, ret, err);
}
