// SPDX-License-Identifier: MIT
/* kernel.c - from an image to what walkers need. */
#include "capture/outside/kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/outside/idr.h"

#define NODENAME_OFF 65 /* of struct new_utsname */

static struct space *space_of(struct kernel *k)
{
	return &k->image.space;
}

bool kernel_member(struct kernel *k, uint64_t va, struct layout_member m, uint64_t *ret)
{
	*ret = 0;
	if (m.size != 1 && m.size != 2 && m.size != 4 && m.size != 8)
		return false;
	return space_read(space_of(k), va + m.off, ret, m.size);
}

int kernel_cpu(const struct kernel *k, uint64_t id, unsigned *ret, struct ksnap_err *err)
{
	for (*ret = 0; *ret < k->ncpu; ++*ret)
		if (k->cpu_id[*ret] == id)
			return 0;
	return err_set(err, KSNAP_E_ARG, "there is no CPU %llu: the last one is %u",
		       (unsigned long long)id, k->cpu_id[k->ncpu - 1]);
}

void kernel_close(struct kernel *k)
{
	image_fini(&k->image);
	btf__free(k->btf);
	btf_types_destroy(k->types);
	free(k->cpu_offset);
	free(k->cpu_id);
	*k = (struct kernel){ 0 };
}

/* ---- types ----------------------------------------------------------------------------------- */

/* libbpf takes BTF that goes on from another from files only. */
static struct btf *parse_split(const void *data, size_t len, struct btf *base)
{
	_close_ int fd = memfd_create("btf", MFD_CLOEXEC);
	char path[32];

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		return NULL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return btf__parse_split(path, base);
}

static struct btf *load_bytes(struct kernel *k, uint64_t va, uint64_t len, struct btf *base)
{
	_free_ void *data = len && len <= KERNEL_BTF_MAX ? malloc(len) : NULL;

	if (!data || !space_read(space_of(k), va, data, len))
		return NULL;
	return base ? parse_split(data, len, base) : btf__new(data, len);
}

static struct btf *load_own(struct kernel *k)
{
	uint64_t start, stop;

	if (!symbols_find(&k->image.symbols, "__start_BTF", &start) ||
	    !symbols_find(&k->image.symbols, "__stop_BTF", &stop) || stop <= start)
		return NULL;
	return load_bytes(k, start, stop - start, NULL);
}

static struct btf *copy_own(struct kernel *k)
{
	uint32_t len;
	const void *data = btf__raw_data(k->btf, &len);

	return data ? btf__new(data, len) : NULL;
}

/* The BTF object with this id. What a module adds is upon the kernel's own. */
static struct btf *load_by_id(void *arg, uint32_t id)
{
	struct kernel *k = arg;
	uint64_t btf, data, len, base;

	if (id == BTF_OF_KERNEL)
		return copy_own(k);
	btf = idr_find(k, k->btf_idr, id);
	if (!btf || !kernel_member(k, btf, k->at.btf__data, &data) ||
	    !kernel_member(k, btf, k->at.btf__data_size, &len) ||
	    !kernel_member(k, btf, k->at.btf__base_btf, &base))
		return NULL;
	return load_bytes(k, data, len, base ? k->btf : NULL);
}

/* Types of another kernel would have every struct read wrong, and the kernel called broken. Where
 * the kernel's own cannot be read, the file is believed. */
static int check_same(struct kernel *k, const char *file, struct ksnap_err *err)
{
	struct btf *own = load_own(k);
	uint32_t len, own_len;
	const void *data = btf__raw_data(k->btf, &len);
	const void *own_data = own ? btf__raw_data(own, &own_len) : NULL;
	bool is_other = data && own_data && (len != own_len || memcmp(data, own_data, len));

	btf__free(own);
	return is_other ? err_set(err, KSNAP_E_ARG,
				  "btf=%s is of another kernel than this one, which has its own in "
				  "memory: leave btf= out",
				  file)
			: 0;
}

static int read_types(struct kernel *k, const char *file, struct ksnap_err *err)
{
	k->btf = file ? btf__parse(file, NULL) : load_own(k);
	if (!k->btf && file)
		return err_errno(err, KSNAP_E_TARGET, errno, "no BTF can be read from %s", file);
	if (!k->btf)
		return err_set(err, KSNAP_E_TARGET,
			       "no BTF is in the kernel's memory (CONFIG_DEBUG_INFO_BTF), or the "
			       "symbols do not name it: btf=FILE can give it");
	if (file && check_same(k, file, err))
		return KSNAP_E_ARG;
	k->types = btf_types_create(err);
	if (!k->types)
		return KSNAP_E_NOMEM;
	btf_types_set_source(k->types, load_by_id, k);
	return layout_read(&k->at, k->btf, err);
}

/* ---- CPUs ------------------------------------------------------------------------------------ */

static unsigned count_cpus(struct kernel *k, uint64_t *mask, size_t words)
{
	uint64_t va, ids = 0;
	unsigned n = 0;

	if (!symbols_find(&k->image.symbols, "nr_cpu_ids", &va) ||
	    !space_read(space_of(k), va, &ids, 4) || ids > KERNEL_CPUS || !ids)
		ids = KERNEL_CPUS;
	if (!symbols_find(&k->image.symbols, "__cpu_possible_mask", &va))
		return 0;
	for (size_t i = 0; i < words && i * 64 < ids; i++) {
		if (!space_u64(space_of(k), va + 8 * i, &mask[i]))
			return 0;
		if (ids - i * 64 < 64)
			mask[i] &= (1ull << (ids - i * 64)) - 1;
		n += __builtin_popcountll(mask[i]);
	}
	return n;
}

static int read_cpus(struct kernel *k, struct ksnap_err *err)
{
	uint64_t mask[KERNEL_CPUS / 64] = { 0 }, offsets;
	unsigned n = count_cpus(k, mask, ARRAY_SIZE(mask));

	if (!n || !symbols_find(&k->image.symbols, "__per_cpu_offset", &offsets))
		return err_set(err, KSNAP_E_TARGET,
			       "the symbols do not tell which CPUs the kernel may have");
	k->cpu_offset = calloc(n, sizeof(*k->cpu_offset));
	k->cpu_id = calloc(n, sizeof(*k->cpu_id));
	if (!k->cpu_offset || !k->cpu_id)
		return err_nomem(err);
	for (unsigned cpu = 0; cpu < KERNEL_CPUS && k->ncpu < n; cpu++) {
		if (!(mask[cpu / 64] >> (cpu % 64) & 1))
			continue;
		k->cpu_id[k->ncpu] = cpu;
		if (!space_u64(space_of(k), offsets + 8ull * cpu, &k->cpu_offset[k->ncpu++]))
			return err_set(err, KSNAP_E_TARGET,
				       "the kernel's per-CPU offsets cannot be read");
	}
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void read_host(struct kernel *k)
{
	struct layout_member name;
	uint64_t uts;

	if (symbols_find(&k->image.symbols, "init_uts_ns", &uts) &&
	    layout_find(k->btf, "uts_namespace", "name", &name))
		space_string(space_of(k), uts + name.off + NODENAME_OFF, k->host, sizeof(k->host));
}

static int prepare(struct kernel *k, const char *btf_file, struct ksnap_err *err)
{
	int ret = read_types(k, btf_file, err);

	if (!ret)
		ret = read_cpus(k, err);
	if (!ret && image_symbol(&k->image, "map_idr", &k->map_idr, err))
		ret = KSNAP_E_TARGET;
	if (ret)
		return ret;
	symbols_find(&k->image.symbols, "prog_idr", &k->prog_idr);
	symbols_find(&k->image.symbols, "btf_idr", &k->btf_idr);
	orc_find(&k->orc, &k->image, k->btf);
	read_host(k);
	return 0;
}

int kernel_open(struct kernel *k, const struct physical *mem, const struct image_source *src,
		const char *btf_file, struct ksnap_err *err)
{
	int ret;

	*k = (struct kernel){ .mem = mem };
	ret = image_find(&k->image, mem, src, err);
	if (!ret)
		ret = prepare(k, btf_file, err);
	if (ret)
		kernel_close(k);
	return ret;
}
