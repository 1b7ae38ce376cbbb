// SPDX-License-Identifier: MIT
/* kernel_maps.c - types made at run time, entries written in one batch. */
#include "bench/kernel_maps.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

int kernel_maps_try(struct bench *b)
{
	_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bench_try", 4, 8, 1, NULL);

	if (fd >= 0)
		return 0;
	bench_skip(b, "BPF cannot be used here: %s", strerror(errno));
	return -1;
}

/* ---- types ---------------------------------------------------------------------------------- */

struct types {
	struct btf *btf;
	int u64, u32, s32, ch, state, comm, hist, entry;
};

static int add_state(struct btf *btf)
{
	static const char *const names[] = { "IDLE", "QUEUED", "RUNNING", "DEAD" };
	int id = btf__add_enum(btf, "bench_state", 4);

	for (int i = 0; i < 4 && id > 0; i++)
		btf__add_enum_value(btf, names[i], i);
	return id;
}

static void add_entry(struct types *t)
{
	const struct {
		const char *name;
		int type;
		size_t at;
	} members[] = {
		{ "weight", t->u64, offsetof(struct kernel_entry, weight) },
		{ "vtime", t->u64, offsetof(struct kernel_entry, vtime) },
		{ "runtime", t->u64, offsetof(struct kernel_entry, runtime) },
		{ "last_run", t->u64, offsetof(struct kernel_entry, last_run) },
		{ "cpu", t->u32, offsetof(struct kernel_entry, cpu) },
		{ "state", t->state, offsetof(struct kernel_entry, state) },
		{ "prio", t->u32, offsetof(struct kernel_entry, prio) },
		{ "flags", t->u32, offsetof(struct kernel_entry, flags) },
		{ "nice", t->s32, offsetof(struct kernel_entry, nice) },
		{ "pid", t->s32, offsetof(struct kernel_entry, pid) },
		{ "comm", t->comm, offsetof(struct kernel_entry, comm) },
		{ "hist", t->hist, offsetof(struct kernel_entry, hist) },
		{ "runs", t->u64, offsetof(struct kernel_entry, runs) },
		{ "wakeups", t->u64, offsetof(struct kernel_entry, wakeups) },
	};

	t->entry = btf__add_struct(t->btf, "kernel_entry", sizeof(struct kernel_entry));
	for (size_t i = 0; i < ARRAY_SIZE(members) && t->entry > 0; i++)
		btf__add_field(t->btf, members[i].name, members[i].type, 8 * members[i].at, 0);
}

static int make_types(struct types *t)
{
	t->btf = btf__new_empty();
	if (!t->btf)
		return bench_wrong("no BTF: %s", strerror(errno));
	t->u64 = btf__add_int(t->btf, "u64", 8, 0);
	t->u32 = btf__add_int(t->btf, "u32", 4, 0);
	t->s32 = btf__add_int(t->btf, "s32", 4, BTF_INT_SIGNED);
	t->ch = btf__add_int(t->btf, "char", 1, BTF_INT_SIGNED);
	t->state = add_state(t->btf);
	t->comm = btf__add_array(t->btf, t->u32, t->ch, 16);
	t->hist = btf__add_array(t->btf, t->u32, t->u64, 4);
	add_entry(t);
	if (btf__load_into_kernel(t->btf))
		return bench_wrong("the kernel refused the types: %s", strerror(errno));
	return 0;
}

/* ---- maps ----------------------------------------------------------------------------------- */

static void fill_entry(uint32_t i, struct kernel_entry *e)
{
	*e = (struct kernel_entry){
		.weight = 1024 + i % 64,
		.vtime = 1000000007ull * i,
		.runtime = 31337ull * i,
		.last_run = 81234567890123ull + i,
		.cpu = i % 16,
		.state = i % 4,
		.prio = 120,
		.flags = i,
		.nice = (int)(i % 40) - 20,
		.pid = 1000 + i,
		.hist = { i, i / 2, i / 4, 0 },
		.runs = i * 3ull,
		.wakeups = i / 3,
	};
	snprintf(e->comm, sizeof(e->comm), "task-%u", i);
}

static int fill_map(int fd, uint32_t n)
{
	_free_ struct kernel_entry *entries = calloc(n, sizeof(*entries));
	_free_ uint32_t *keys = calloc(n, sizeof(*keys));
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t count = n;

	if (!entries || !keys)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		keys[i] = i;
		fill_entry(i, &entries[i]);
	}
	return bpf_map_update_batch(fd, keys, entries, &count, &opts);
}

int kernel_map_make(const char *name, uint32_t n, uint32_t *ret_id)
{
	struct types t = { 0 };
	LIBBPF_OPTS(bpf_map_create_opts, o);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = -1;

	if (!make_types(&t)) {
		o.btf_fd = btf__fd(t.btf);
		o.btf_key_type_id = t.u32;
		o.btf_value_type_id = t.entry;
		fd = bpf_map_create(BPF_MAP_TYPE_HASH, name, sizeof(uint32_t),
				    sizeof(struct kernel_entry), n, &o);
	}
	btf__free(t.btf);
	if (fd < 0 || fill_map(fd, n) || bpf_obj_get_info_by_fd(fd, &info, &len)) {
		bench_wrong("no map %s: %s", name, strerror(errno));
		cleanup_close(&fd);
		return -1;
	}
	*ret_id = info.id;
	return fd;
}

int kernel_map_make_tiny(const char *name)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, 8, 1, NULL);

	return fd >= 0 ? fd : bench_wrong("no map %s: %s", name, strerror(errno));
}

/* ---- captures ------------------------------------------------------------------------------- */

int capturer_open(struct capturer *c)
{
	struct ksnap_err err = { 0 };

	c->target = target_live.open("", &err);
	c->rb = report_builder_create(&err);
	if (!c->target || !c->rb || target_live.accessor_init(c->target, &err))
		return bench_wrong("no live target: %s", err.text);
	return 0;
}

void capturer_close(struct capturer *c)
{
	report_builder_destroy(c->rb);
	target_live.close(c->target);
	*c = (struct capturer){ 0 };
}

struct ksnap_blob *capturer_take(struct capturer *c, const char *const *maps, size_t n)
{
	struct capture_request rq = { .tag = "t", .maps = maps, .nmaps = n };
	struct report_info info = { .tag = "t",
				    .target_kind = "live",
				    .target_name = "live",
				    .trigger = "op",
				    .consistency = "running" };
	struct report_summary sum;
	struct ksnap_err err = { 0 };
	struct ksnap_blob *blob = NULL;

	rq.deadline_mono_ns = clock_mono_ns() + 60 * NS_PER_S;
	target_live.describe(c->target, &info);
	if (!report_begin(c->rb, &info, &err) && !target_live.capture(c->target, &rq, c->rb, &err))
		blob = report_finish(c->rb, &sum, NULL, &err);
	if (!blob)
		bench_wrong("capture: %s", err.text);
	return blob;
}

int capturer_check(struct ksnap_blob *report, size_t maps, size_t entries)
{
	struct ksnap_err err = { 0 };
	struct ksnap_snapshot *s = ksnap_snapshot_open(report, &err);
	size_t n = s ? ksnap_snapshot_map_count(s) : 0, good = 0;

	for (size_t i = 0; i < n; i++) {
		const struct ksnap_map *m = ksnap_snapshot_map_at(s, i);

		good += ksnap_map_complete(m) && ksnap_map_count(m) == entries;
	}
	ksnap_snapshot_close(s);
	if (good == maps && n == maps)
		return 0;
	return bench_wrong("%zu of %zu maps are whole, %zu were asked for %s", good, n, maps,
			   err.text);
}
