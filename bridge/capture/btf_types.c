// SPDX-License-Identifier: MIT
/* btf_types.c - load BTF from the kernel, convert what is asked for once, keep it. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/btf.h"

/* Beyond either all conversions are let go and made again at need. */
#define KEEP_MAX   4096
#define KEEP_BYTES (64u << 20)
#define KEEP_SLOTS (2 * KEEP_MAX) /* open addressing, never more than half full */

struct kept {
	uint32_t btf_id, type_id;
	struct type_table *table; /* NULL: a free slot */
	uint32_t root;            /* of the type, in its own table */
	uint64_t report;          /* the report it was last appended to */
	uint32_t shift;           /* and where */
};

struct btf_types {
	struct kept *kept;
	size_t n, bytes;
	uint64_t made;        /* conversions so far */
	uint64_t report;      /* counts reports */
	struct btf *btf;      /* the one loaded last */
	uint32_t btf_id;      /* its id */
	struct btf *vmlinux;  /* base of module BTF; loaded at first need */
	btf_source_fn source; /* NULL: the running kernel */
	void *source_arg;
};

struct btf_types *btf_types_create(struct ksnap_err *err)
{
	struct btf_types *c = calloc(1, sizeof(*c));

	if (c)
		c->kept = calloc(KEEP_SLOTS, sizeof(*c->kept));
	if (c && c->kept) {
		c->report = 1;
		return c;
	}
	free(c);
	err_nomem(err);
	return NULL;
}

static void forget(struct btf_types *c)
{
	for (size_t i = 0; i < KEEP_SLOTS && c->n; i++) {
		if (!c->kept[i].table)
			continue;
		type_table_destroy(take_ptr(c->kept[i].table));
		c->n--;
	}
	c->bytes = 0;
}

void btf_types_destroy(struct btf_types *c)
{
	int saved = errno;

	if (!c)
		return;
	forget(c);
	btf__free(c->btf);
	btf__free(c->vmlinux);
	free(c->kept);
	free(c);
	errno = saved;
}

void btf_types_set_source(struct btf_types *c, btf_source_fn source, void *arg)
{
	c->source = source;
	c->source_arg = arg;
}

void btf_types_begin(struct btf_types *c)
{
	c->report++;
}

/* What kind of BTF @id is: of a program (stands alone), of a module, or the kernel's own. */
enum origin { OF_PROGRAM, OF_MODULE, OF_KERNEL, OF_NOBODY };

static enum origin origin_of(uint32_t id)
{
	char name[64] = "";
	struct bpf_btf_info info = { .name = (uintptr_t)name, .name_len = sizeof(name) };
	uint32_t len = sizeof(info);
	_close_ int fd = bpf_btf_get_fd_by_id(id);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return OF_NOBODY;
	if (!info.kernel_btf)
		return OF_PROGRAM;
	return strcmp(name, "vmlinux") ? OF_MODULE : OF_KERNEL;
}

static int refuse_load(uint32_t id, struct ksnap_err *err)
{
	int code = errno == EPERM ? KSNAP_E_DENIED : KSNAP_E_TARGET;

	if (id == BTF_OF_KERNEL)
		return err_errno(err, code, errno, "the kernel's own BTF cannot be read");
	return err_errno(err, code, errno, "BTF object %u cannot be read", id);
}

static const struct btf *load_kernel(struct btf_types *c)
{
	if (!c->vmlinux)
		c->vmlinux = c->source ? c->source(c->source_arg, BTF_OF_KERNEL)
				       : btf__load_vmlinux_btf();
	return c->vmlinux;
}

/* Module BTF says only what is new, upon the kernel's own. */
static struct btf *load_as(struct btf_types *c, uint32_t id, enum origin origin)
{
	if (origin == OF_NOBODY)
		return NULL;
	if (origin == OF_PROGRAM)
		return btf__load_from_kernel_by_id(id);
	return load_kernel(c) ? btf__load_from_kernel_by_id_split(id, c->vmlinux) : NULL;
}

static const struct btf *load_and_keep(struct btf_types *c, uint32_t id)
{
	enum origin origin = c->source ? OF_PROGRAM : origin_of(id);
	struct btf *btf;

	if (origin == OF_KERNEL)
		return load_kernel(c);
	btf = c->source ? c->source(c->source_arg, id) : load_as(c, id, origin);
	if (!btf)
		return NULL;
	btf__free(c->btf);
	c->btf = btf;
	c->btf_id = id;
	return btf;
}

const struct btf *btf_types_load(struct btf_types *c, uint32_t id, struct ksnap_err *err)
{
	const struct btf *btf;

	if (id == BTF_OF_KERNEL)
		btf = load_kernel(c);
	else if (c->btf && c->btf_id == id)
		btf = c->btf;
	else
		btf = load_and_keep(c, id);
	if (!btf)
		refuse_load(id, err);
	return btf;
}

/* The slot of this conversion, or the free one where it belongs. */
static struct kept *slot_of(struct btf_types *c, uint32_t btf_id, uint32_t type_id)
{
	size_t i = (btf_id * 0x9e3779b1u ^ type_id * 0x85ebca6bu) % KEEP_SLOTS;

	while (c->kept[i].table && (c->kept[i].btf_id != btf_id || c->kept[i].type_id != type_id))
		i = (i + 1) % KEEP_SLOTS;
	return &c->kept[i];
}

static struct kept *keep(struct btf_types *c, uint32_t btf_id, uint32_t type_id,
			 struct ksnap_err *err)
{
	const struct btf *btf = btf_types_load(c, btf_id, err);
	struct type_table *table = btf ? type_table_create(err) : NULL;
	struct kept *k;
	size_t bytes;
	int64_t root;

	if (!table)
		return NULL;
	c->made++;
	root = btf_convert_sized(btf, type_id, table, &bytes, err);
	if (root < 0) {
		type_table_destroy(table);
		return NULL;
	}
	type_table_set_origin(table, btf_id);
	if (c->n == KEEP_MAX || c->bytes + bytes > KEEP_BYTES)
		forget(c);
	k = slot_of(c, btf_id, type_id);
	*k = (struct kept){ .btf_id = btf_id, .type_id = type_id, .table = table, .root = root };
	c->n++;
	c->bytes += bytes;
	return k;
}

uint64_t btf_types_made(const struct btf_types *c)
{
	return c->made;
}

int64_t btf_types_add(struct btf_types *c, uint32_t btf_id, uint32_t type_id,
		      struct type_table *into, struct ksnap_err *err)
{
	struct ksnap_err local = { 0 };
	struct kept *k;
	int64_t shift;

	if (!btf_id || !type_id)
		return TYPE_NONE;
	k = slot_of(c, btf_id, type_id);
	if (!k->table)
		k = keep(c, btf_id, type_id, &local);
	if (!k)
		return err_set(err, local.code, "%s", local.text);
	if (k->report != c->report) {
		shift = type_append_table(into, k->table, err);
		if (shift < 0)
			return shift;
		k->report = c->report;
		k->shift = shift;
	}
	return (int64_t)k->shift + k->root;
}
