// SPDX-License-Identifier: MIT
/* map_iter.c - maps of sockets and storage kept with sockets, through the kernel's iterators: a
 * program of a few instructions writes each element as bytes, key first, into a file read here.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "capture/live/bpf_insns.h"
#include "capture/live/key_set.h"
#include "capture/live/made_types.h"
#include "capture/live/map_job.h"

#define COOKIE_SIZE 8
#define CHUNK       (64u << 10) /* bytes of one read(2); the kernel gives fewer */

/* Offsets within the iterator's argument of what stands behind the map. */
enum { ARG_META = 0, ARG_FIRST = 16, ARG_SECOND = 24 };

/* What the elements of an iterator are and where in its argument. */
struct source {
	const char *name;
	int sock_at;     /* of the socket; its cookie is written */
	int bytes_at;    /* of the bytes that are written */
	bool sock_first; /* the cookie is the key, the bytes are the value */
};

static const struct source of_storage = { "bpf_iter_bpf_sk_storage_map", ARG_FIRST, ARG_SECOND,
					  true };
static const struct source of_sockets = { "bpf_iter_sockmap", ARG_SECOND, ARG_FIRST, false };

static int load(const struct source *s, uint32_t func, uint32_t bytes)
{
	/* r6 argument, r7 bytes, r8 socket, r9 file */
	const struct bpf_insn cookie_then_bytes[] = {
		MOVE(6, 1),
		LOAD(7, 6, s->bytes_at),
		JUMP_IF_0(7, 17),
		LOAD(8, 6, s->sock_at),
		JUMP_IF_0(8, 15),
		LOAD(9, 6, ARG_META),
		LOAD(9, 9, 0),
		MOVE(1, 8),
		CALL(BPF_FUNC_get_socket_cookie),
		STORE(10, -8, 0),
		MOVE(1, 9),
		MOVE(2, s->sock_first ? 10 : 7),
		ADD_NUMBER(2, s->sock_first ? -8 : 0),
		MOVE_NUMBER(3, s->sock_first ? COOKIE_SIZE : bytes),
		CALL(BPF_FUNC_seq_write),
		MOVE(1, 9),
		MOVE(2, s->sock_first ? 7 : 10),
		ADD_NUMBER(2, s->sock_first ? 0 : -8),
		MOVE_NUMBER(3, s->sock_first ? bytes : COOKIE_SIZE),
		CALL(BPF_FUNC_seq_write),
		MOVE_NUMBER(0, 0),
		EXIT(),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_ITER);

	opts.attach_btf_id = func;
	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "ksnap_iter", "GPL", cookie_then_bytes,
			     ARRAY_SIZE(cookie_then_bytes), &opts);
}

/* A file that gives the elements of map @fd; -1 with errno. */
static int open_elements(const struct source *s, uint32_t func, int fd, uint32_t bytes)
{
	union bpf_iter_link_info info = { .map.map_fd = fd };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	_close_ int prog = load(s, func, bytes);
	_close_ int link = prog < 0 ? -1 : bpf_link_create(prog, 0, BPF_TRACE_ITER, &opts);

	return link < 0 ? -1 : bpf_iter_create(link);
}

/* The kernel stops and goes on between two reads, and may then give an element again. */
struct intake {
	const struct read_plan *p;
	struct entries *e;
	struct read_result *res;
	struct key_set seen;
	struct buf rest; /* bytes read and not yet taken */
};

static int take_one(struct intake *in, const uint8_t *at)
{
	struct entries *e = in->e;
	int ret;

	if (key_set_has(&in->seen, e->keys, at)) {
		in->res->duplicates++;
		return 0;
	}
	ret = e->count >= e->room ? entries_grow(in->p, e) : 0;
	if (ret)
		return ret;
	memcpy(e->keys + e->count * in->p->key_size, at, in->p->key_size);
	memcpy(e->vals + e->count * in->p->val_size, at + in->p->key_size, in->p->val_size);
	ret = key_set_add(&in->seen, e->keys, e->count) ? KSNAP_E_NOMEM : 0;
	e->count += !ret;
	return ret;
}

static int take_whole(struct intake *in)
{
	size_t each = in->p->key_size + in->p->val_size, at = 0;
	int ret = 0;

	for (; !ret && in->rest.len - at >= each; at += each)
		ret = take_one(in, in->rest.data + at);
	if (!ret) {
		memmove(in->rest.data, in->rest.data + at, in->rest.len - at);
		in->rest.len -= at;
	}
	return ret;
}

/* Negative: memory is out. Everything else is written into res. */
static int take_all(struct intake *in, int fd)
{
	for (;;) {
		void *room = buf_reserve(&in->rest, CHUNK);
		ssize_t n = room ? read(fd, room, CHUNK) : 0;
		int ret;

		if (!room)
			return KSNAP_E_NOMEM;
		in->res->end = n < 0 ? READ_FAILED : READ_DONE;
		in->res->error = n < 0 ? errno : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		buf_commit(&in->rest, n);
		ret = take_whole(in);
		if (ret < 0)
			return ret;
		if (ret || clock_mono_ns() >= in->p->deadline_mono_ns) {
			in->res->end = ret ? READ_ROOM : READ_DEADLINE;
			return 0;
		}
	}
}

static int fail(struct read_result *res, int error)
{
	res->end = READ_FAILED;
	res->error = error;
	if (error == ENOENT || error == EINVAL || error == EOPNOTSUPP)
		res->why = "this kernel has no iterator for maps of the type";
	else if (error == EPERM)
		res->why =
			"the kernel refuses its iterator for maps of the type, some kernels even "
			"to root";
	return 0;
}

static int read_elements(struct map_job *j, const struct source *s, uint32_t bytes,
			 struct entries *e, struct read_result *res)
{
	struct intake in = { .p = &j->plan, .e = e, .res = res };
	const struct btf *btf = btf_types_load(j->t->types, BTF_OF_KERNEL, &j->why);
	int32_t func = btf ? btf__find_by_name_kind(btf, s->name, BTF_KIND_FUNC) : -ENOENT;
	_close_ int fd = func > 0 ? open_elements(s, func, j->plan.fd, bytes) : -1;
	int ret;

	if (fd < 0)
		return fail(res, func > 0 ? errno : ENOENT);
	key_set_init(&in.seen, j->plan.key_size);
	ret = take_all(&in, fd);
	key_set_fini(&in.seen);
	buf_fini(&in.rest);
	return ret;
}

/* ---- storage kept with sockets ----------------------------------------------------------------
 */

int sk_storage_describe(struct map_job *j)
{
	int ret = map_describe_by_btf(j);
	int64_t kt = ret ? ret : made_number(report_types(j->rb), "socket_cookie", 8, j->err);

	j->row.key_size = COOKIE_SIZE;
	j->row.kt = kt;
	return kt < 0 ? kt : 0;
}

int sk_storage_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	return read_elements(j, &of_storage, j->info.value_size, e, res);
}

/* ---- maps of sockets --------------------------------------------------------------------------
 */

int sockets_describe(struct map_job *j)
{
	j->row.value_size = COOKIE_SIZE;
	return slots_describe_sockets(j);
}

/* Without the iterator only maps with values as wide as a cookie can be looked into. */
int sockets_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	int ret = read_elements(j, &of_sockets, j->info.key_size, e, res);

	if (ret || res->end != READ_FAILED || j->info.value_size != COOKIE_SIZE)
		return ret;
	return map_read(&j->plan, e, res);
}
