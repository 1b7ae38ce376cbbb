// SPDX-License-Identifier: MIT
/* map_stacks.c - stack traces: their addresses, and the names of those in the kernel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "capture/live/made_types.h"
#include "capture/live/map_job.h"

#define BUILD_ID_SIZE 20 /* bytes of a build id within one frame */
#define KERNEL_HALF   (1ull << 63)

static bool has_build_ids(const struct map_job *j)
{
	return j->info.map_flags & BPF_F_STACK_BUILD_ID;
}

static int64_t frame_type(struct map_job *j, unsigned *ret_size)
{
	static const struct made_field frame[] = {
		{ "status", 4, 0 },
		{ "build_id", 1, BUILD_ID_SIZE },
		{ "offset_or_ip", 8, 0 },
	};

	*ret_size = has_build_ids(j) ? sizeof(struct bpf_stack_build_id) : 8;
	return has_build_ids(j)
		       ? made_record(report_types(j->rb), "bpf_stack_build_id", frame, 3, j->err)
		       : made_address(report_types(j->rb), j->err);
}

int stacks_describe(struct map_job *j)
{
	struct type_table *t = report_types(j->rb);
	unsigned size;
	int64_t of = frame_type(j, &size), vt, kt;

	if (of < 0)
		return of;
	vt = made_array(t, of, size, j->row.value_size / size, j->err);
	kt = vt < 0 ? vt : made_number(t, "stack_id", 4, j->err);
	if (kt < 0)
		return kt;
	j->row.vt = vt;
	j->row.kt = kt;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The kernel's addresses among @e's values, each once; malloc'd. */
static uint64_t *kernel_addresses(const struct map_job *j, const struct entries *e, size_t *ret_n)
{
	size_t all = e->count * j->plan.val_size / 8, n = 0, kept = 0;
	uint64_t *a = calloc(all + 1, sizeof(*a));

	for (size_t i = 0; a && i < all; i++) {
		memcpy(&a[n], e->vals + i * 8, 8);
		n += (a[n] & KERNEL_HALF) != 0;
	}
	if (!a)
		return NULL;
	qsort(a, n, sizeof(*a), by_value);
	for (size_t i = 0; i < n; i++)
		if (!i || a[i] != a[i - 1])
			a[kept++] = a[i];
	*ret_n = kept;
	return a;
}

static int name_addresses(struct map_job *j, const uint64_t *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct report_symbol s = { .addr = a[i] };

		s.name = code_names_known(&j->t->code, a[i], &s.off);
		if (s.name)
			buf_append(&j->beside, &s, sizeof(s));
	}
	if (!buf_ok(&j->beside))
		return err_nomem(j->err);
	j->result.symbols = (const struct report_symbol *)j->beside.data;
	j->result.nsymbols = j->beside.len / sizeof(struct report_symbol);
	return 0;
}

/* Programs and modules come and go, and their functions with them: names are of this capture. */
int stacks_finish(struct map_job *j, const struct entries *e)
{
	struct ksnap_err why = { 0 };
	uint64_t *a;
	size_t n;
	int ret;

	if (has_build_ids(j) || !e->count)
		return 0;
	a = kernel_addresses(j, e, &n);
	if (!a)
		return err_nomem(j->err);
	ret = n ? code_names_read(&j->t->code, &why) : 0;
	if (!ret)
		ret = name_addresses(j, a, n);
	else if (ret == KSNAP_E_TARGET)
		ret = report_reason(j->rb, "type_unknown", j->row.name, n, 0,
				    "addresses of map %s (id %u) have no names: %s", j->row.name,
				    j->row.id, why.text);
	free(a);
	return ret;
}
