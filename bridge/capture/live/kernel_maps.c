// SPDX-License-Identifier: MIT
/* kernel_maps.c - an iterator over all maps that writes (id, address) pairs. */
#include "capture/live/kernel_maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/bpf_insns.h"
#include "capture/live/privilege.h"

#define DEPTH_MAX 8 /* anonymous members within one another */

/* ---- layout ---------------------------------------------------------------------------------- */

static const struct btf_type *behind(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(btf, t->type);
	return t;
}

/* The member called @name (of @len bytes) of @t, at bit *off from where *off was. */
static const struct btf_member *find_member(const struct btf *btf, const struct btf_type *t,
					    const char *name, size_t len, int depth, uint64_t *off)
{
	for (uint32_t i = 0; t && btf_is_composite(t) && depth && i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i], *inner;
		const char *is = btf__name_by_offset(btf, m->name_off);
		uint64_t at = *off + btf_member_bit_offset(t, i);

		if (is && strlen(is) == len && !memcmp(is, name, len)) {
			*off = at;
			return m;
		}
		inner = is && *is
				? NULL
				: find_member(btf, behind(btf, m->type), name, len, depth - 1, &at);
		if (inner) {
			*off = at;
			return inner;
		}
	}
	return NULL;
}

int64_t kernel_offset(const struct btf *btf, const char *type, const char *path,
		      struct ksnap_err *err)
{
	int32_t id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	const struct btf_type *t = id > 0 ? behind(btf, id) : NULL;
	const char *at = path;
	uint64_t off = 0;

	for (;;) {
		size_t len = strcspn(at, ".");
		const struct btf_member *m = find_member(btf, t, at, len, DEPTH_MAX, &off);

		if (!m)
			return err_set(err, KSNAP_E_TARGET,
				       "this kernel's struct %s has no member %s", type, path);
		if (!at[len])
			return off / 8;
		t = behind(btf, m->type);
		at += len + 1;
	}
}

/* ---- addresses ------------------------------------------------------------------------------- */

struct pair {
	uint64_t id, addr;
};

enum { ARG_META = 0, ARG_MAP = 8 };

static int load(const struct btf *btf, int id_at)
{
	/* r6 argument, r7 map */
	const struct bpf_insn write_pair[] = {
		MOVE(6, 1),
		LOAD(7, 6, ARG_MAP),
		JUMP_IF_0(7, 9),
		LOAD_WORD(1, 7, id_at),
		STORE(10, -16, 1),
		STORE(10, -8, 7),
		LOAD(1, 6, ARG_META),
		LOAD(1, 1, 0),
		MOVE(2, 10),
		ADD_NUMBER(2, -16),
		MOVE_NUMBER(3, sizeof(struct pair)),
		CALL(BPF_FUNC_seq_write),
		MOVE_NUMBER(0, 0),
		EXIT(),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_ITER);
	int32_t func = btf__find_by_name_kind(btf, "bpf_iter_bpf_map", BTF_KIND_FUNC);

	if (func <= 0) {
		errno = ENOENT;
		return -1;
	}
	opts.attach_btf_id = func;
	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "ksnap_maps", "GPL", write_pair,
			     ARRAY_SIZE(write_pair), &opts);
}

static int open_pairs(const struct btf *btf, int id_at)
{
	_close_ int prog = load(btf, id_at);
	_close_ int link = prog < 0 ? -1 : bpf_link_create(prog, 0, BPF_TRACE_ITER, NULL);

	return link < 0 ? -1 : bpf_iter_create(link);
}

static int read_pairs(int fd, struct buf *to)
{
	ssize_t n;

	do {
		void *room = buf_reserve(to, 16384);

		n = room ? read(fd, room, 16384) : -1;
		if (n > 0)
			buf_commit(to, n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n;
}

int kernel_map_address(const struct btf *btf, uint32_t id, uint64_t *ret, struct ksnap_err *err)
{
	_buf_ struct buf bytes = BUF_INIT;
	int64_t id_at = kernel_offset(btf, "bpf_map", "id", err);
	_close_ int fd = id_at < 0 ? -1 : open_pairs(btf, id_at);
	const struct pair *p;

	if (id_at < 0)
		return id_at;
	if (fd < 0 || read_pairs(fd, &bytes))
		return privilege_or_target(err, errno, "list the addresses of BPF maps");
	p = (const struct pair *)bytes.data;
	for (size_t i = 0; i < bytes.len / sizeof(*p); i++) {
		if (p[i].id != id)
			continue;
		*ret = p[i].addr;
		return 0;
	}
	return err_set(err, KSNAP_E_NOTFOUND, "the kernel does not list the address of map %u", id);
}
