// SPDX-License-Identifier: MIT
/* live_rig.c - captures for the tests of map types. */
#include "live_rig.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define REGISTERS_LOCK "/run/lock/ksnap-tests-registers"

uint64_t in_a_minute(void)
{
	return clock_mono_ns() + 60 * NS_PER_S;
}

void rig_open(struct live_rig *r)
{
	struct ksnap_err err = { 0 };

	r->target = target_live.open("", &err);
	r->rb = report_builder_create(&err);
	if (!r->target || !r->rb)
		fail_msg("%s", err.text);
}

void rig_close(struct live_rig *r)
{
	target_live.close(r->target);
	report_builder_destroy(r->rb);
}

struct ksnap_snapshot *rig_capture(struct live_rig *r, const char *const *maps, size_t n)
{
	struct capture_request rq = {
		.tag = "t", .maps = maps, .nmaps = n, .deadline_mono_ns = in_a_minute()
	};
	struct report_info info = { .tag = "t",
				    .target_kind = "live",
				    .target_name = "live",
				    .trigger = "op",
				    .consistency = "running" };
	struct report_summary sum;
	struct ksnap_err err = { 0 };
	struct ksnap_snapshot *s;
	struct ksnap_blob *blob;

	target_live.describe(r->target, &info);
	assert_int_equal(report_begin(r->rb, &info, &err), 0);
	if (target_live.capture(r->target, &rq, r->rb, &err))
		fail_msg("capture: %s", err.text);
	blob = report_finish(r->rb, &sum, NULL, &err);
	assert_non_null(blob);
	s = ksnap_snapshot_open(blob, &err);
	if (!s)
		fail_msg("open: %s", err.text);
	ksnap_blob_unref(blob);
	return s;
}

uint32_t id_of(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

struct ksnap_snapshot *rig_capture_fd(struct live_rig *r, int fd)
{
	char text[32];
	const char *pattern = text;

	snprintf(text, sizeof(text), "id:%u", id_of(fd));
	return rig_capture(r, &pattern, 1);
}

const struct ksnap_map *rig_map(const struct ksnap_snapshot *s, int fd)
{
	uint32_t id = id_of(fd);

	for (size_t i = 0; i < ksnap_snapshot_map_count(s); i++)
		if (ksnap_map_id(ksnap_snapshot_map_at(s, i)) == id)
			return ksnap_snapshot_map_at(s, i);
	return NULL;
}

int make(enum bpf_map_type type, const char *name, uint32_t key, uint32_t value, uint32_t n)
{
	int fd = bpf_map_create(type, name, key, value, n, NULL);

	if (fd < 0) {
		print_message("# a map of type %d cannot be made here: %s\n", (int)type,
			      strerror(errno));
		skip();
	}
	return fd;
}

void put(int fd, uint32_t key, const void *value)
{
	if (bpf_map_update_elem(fd, &key, value, BPF_ANY))
		fail_msg("update: %s", strerror(errno));
}

void put_number(int fd, uint32_t key, uint32_t value)
{
	put(fd, key, &value);
}

const struct ksnap_map *only_map(struct ksnap_snapshot *s, int fd, bool complete)
{
	const struct ksnap_map *m = rig_map(s, fd);

	assert_non_null(m);
	assert_int_equal(ksnap_map_complete(m), complete);
	assert_int_equal(ksnap_snapshot_complete(s), complete);
	return m;
}

uint64_t cookie_of(int fd)
{
	uint64_t cookie;
	socklen_t len = sizeof(cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	return cookie;
}

static bool is_str(const msgpack_object *o, const char *text)
{
	return o && o->type == MSGPACK_OBJECT_STR && o->via.str.size == strlen(text) &&
	       !memcmp(o->via.str.ptr, text, strlen(text));
}

bool has_reason(const struct ksnap_snapshot *s, const char *code, const char *subject)
{
	const msgpack_object *list = object_get(snapshot_root(s), "reasons");

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *r = &list->via.array.ptr[i];

		if (is_str(object_get(r, "code"), code) &&
		    (!subject || is_str(object_get(r, "subject"), subject)))
			return true;
	}
	return false;
}

int64_t number_at(const struct ksnap_value *v, const char *path)
{
	struct ksnap_value at = *v;
	struct ksnap_err err = { 0 };
	uint64_t u = 0;
	int64_t i = 0;

	if (*path && ksnap_value_get(v, path, &at, &err))
		fail_msg("%s: %s", path, err.text);
	if (!ksnap_value_i64(&at, &i, NULL))
		return i;
	if (ksnap_value_u64(&at, &u, &err))
		fail_msg("%s: %s", path, err.text);
	return u;
}

int64_t key_at(const struct ksnap_map *m, size_t i)
{
	struct ksnap_value v;

	assert_int_equal(ksnap_map_key(m, i, &v, NULL), 0);
	return number_at(&v, "");
}

int64_t value_at(const struct ksnap_map *m, size_t i, const char *path)
{
	struct ksnap_value v;

	assert_int_equal(ksnap_map_value(m, i, &v, NULL), 0);
	return number_at(&v, path);
}

uint64_t row_number(const struct ksnap_map *m, const char *key)
{
	const msgpack_object *o = object_get(map_row(m), key);

	if (!o || o->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
		fail_msg("the map's row has no number %s", key);
	return o->via.u64;
}

void *rig_read_object(const char *name, size_t *ret_len)
{
	char path[4096];
	struct stat st;
	void *data;
	int fd;

	snprintf(path, sizeof(path), "%s/tests/bpf/%s.bpf.o", getenv("KSNAP_TOP_BUILDDIR") ?: ".",
		 name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		fail_msg("%s: %s", path, strerror(errno));
	data = malloc(st.st_size);
	assert_non_null(data);
	assert_int_equal(read(fd, data, st.st_size), st.st_size);
	close(fd);
	*ret_len = st.st_size;
	return data;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

struct bpf_object *rig_load_object(const char *name)
{
	size_t len;
	_free_ void *elf = rig_read_object(name, &len);
	struct bpf_object *obj;

	libbpf_set_print(quiet);
	obj = bpf_object__open_mem(elf, len, NULL);
	assert_non_null(obj);
	if (bpf_object__load(obj))
		fail_msg("%s cannot be loaded: %s", name, strerror(errno));
	return obj;
}

void rig_hold_registers(void)
{
	int fd = open(REGISTERS_LOCK, O_CREAT | O_RDWR | O_CLOEXEC, 0666);

	if (fd < 0 || flock(fd, LOCK_EX))
		fail_msg("%s: %s", REGISTERS_LOCK, strerror(errno));
}

bool rig_iterates(const char *what)
{
	static const struct bpf_insn nothing[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
						   { .code = BPF_JMP | BPF_EXIT } };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_ITER);
	struct btf *kernel = btf__load_vmlinux_btf();
	char name[64];
	int fd;

	assert_non_null(kernel);
	snprintf(name, sizeof(name), "bpf_iter_%s", what);
	opts.attach_btf_id = btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC);
	btf__free(kernel);
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "try", "GPL", nothing, 2, &opts);
	if (fd < 0 && errno == EPERM) {
		print_message("# this kernel refuses the iterator %s\n", name);
		return false;
	}
	close(fd);
	return true;
}

int rig_cannot_run(void)
{
	bool must = strstr(getenv("KSNAP_TEST_REQUIRE") ?: "", "bpf");
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "try", 4, 8, 1, NULL);

	if (fd >= 0) {
		close(fd);
		return -1;
	}
	printf(must ? "1..1\nnot ok 1 - BPF cannot be used here: %s\n"
		    : "1..0 # SKIP BPF cannot be used here: %s\n",
	       strerror(errno));
	return must;
}
