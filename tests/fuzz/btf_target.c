// SPDX-License-Identifier: MIT
/* btf_target.c - BTF of foreign bytes: every type becomes rows or is refused, and a report that has
 * maps of these types opens and renders. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/btf.h"
#include "report/builder.h"
#include "report/render.h"
#include "targets.h"

#define MAPS_MAX 64
#define BYTES    64 /* of each value */

static void add_map(struct report_builder *rb, uint32_t vt, uint32_t id)
{
	struct report_map_row row = { .id = id,
				      .name = "m",
				      .type = "array",
				      .value_size = BYTES,
				      .max_entries = 1,
				      .kt = TYPE_NONE,
				      .vt = vt,
				      .no_keys = true };
	struct report_map_result res = { .count = 1, .complete = true };
	uint8_t *keys, *vals;

	if (report_map_begin(rb, &row, 1, &keys, &vals, NULL))
		return;
	for (unsigned i = 0; i < BYTES; i++)
		vals[i] = i * 37;
	report_map_end(rb, &res, NULL);
}

static void add_maps(struct report_builder *rb, const struct btf *btf)
{
	struct ksnap_err err;

	for (uint32_t id = 0; id < btf__type_cnt(btf) && id < MAPS_MAX; id++) {
		int64_t vt = btf_convert(btf, id, report_types(rb), &err);

		if (vt >= 0)
			add_map(rb, vt, id);
		else if (err.code != KSNAP_E_TARGET && err.code != KSNAP_E_LIMIT)
			abort(); /* refused, but not for what the bytes say */
	}
}

/* What was built must open: its reader checks every index. */
static void open_and_render(struct ksnap_blob *blob)
{
	static const struct render_opts plain;
	_buf_ struct buf json = BUF_INIT, table = BUF_INIT;
	struct ksnap_snapshot *s = ksnap_snapshot_open(blob, NULL);

	if (!s)
		abort();
	render_report_json(s, &plain, &json);
	render_report_table(s, &plain, 10, &table);
	ksnap_snapshot_close(s);
}

static void use(const struct btf *btf)
{
	struct report_info info = { .tag = "t", .target_kind = "live", .target_name = "live" };
	struct report_builder *rb = report_builder_create(NULL);
	_blob_ struct ksnap_blob *blob = NULL;

	if (!rb)
		return;
	if (!report_begin(rb, &info, NULL)) {
		add_maps(rb, btf);
		blob = report_finish(rb, NULL, NULL, NULL);
	}
	if (blob)
		open_and_render(blob);
	report_builder_destroy(rb);
}

int fuzz_btf(const uint8_t *data, size_t len)
{
	struct btf *btf;

	libbpf_set_print(NULL);
	btf = btf__new(data, len);
	if (btf)
		use(btf);
	btf__free(btf);
	return 0;
}
