// SPDX-License-Identifier: MIT
/* report_target.c - a report of foreign bytes: whatever it says, reading it is safe. */
#include <stdlib.h>
#include <string.h>

#include "../unit/report/sample.h"
#include "base/cleanup.h"
#include "report/diff.h"
#include "report/render.h"
#include "targets.h"

static const char *const paths[] = {
	"tasks[1].ctx.weight", "tasks[0]", "nr_switches", "m[0]", "stats[0][cpu=1].sum", "id:1",
	"tasks[hex:00]",       "a.b[3]",   "[",
};

static void look_up(const struct ksnap_snapshot *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct ksnap_value v;
		char text[64];
		uint64_t n;
		double f;

		if (ksnap_snapshot_get(s, paths[i], &v, NULL))
			continue;
		ksnap_value_u64(&v, &n, NULL);
		ksnap_value_f64(&v, &f, NULL);
		ksnap_value_str(&v, text, sizeof(text), NULL);
	}
}

static void put_piece(void *arg, const void *data, size_t len)
{
	buf_append(arg, data, len);
}

static void render(const struct ksnap_snapshot *s)
{
	static const struct render_opts plain, other = { .raw = true, .indent = 2 };
	_buf_ struct buf json = BUF_INIT, tree = BUF_INIT, table = BUF_INIT, pieces = BUF_INIT;

	render_report_json(s, &plain, &json);
	render_report_json_to(s, &plain, put_piece, &pieces);
	if (pieces.len != json.len || memcmp(pieces.data, json.data, json.len))
		abort();
	render_report_tree(s, &plain, &tree);
	render_report_table(s, &other, 10, &table);
}

struct told {
	struct diff_printer *printer;
	struct buf text, json;
};

static int tell(void *arg, const struct ksnap_change *c)
{
	struct told *t = arg;

	buf_clear(&t->text);
	buf_clear(&t->json);
	diff_print_text(t->printer, c, &t->text);
	diff_print_json(t->printer, c, &t->json);
	return 0;
}

static void compare(const struct ksnap_snapshot *a, const struct ksnap_snapshot *b)
{
	struct told t = { .printer = diff_printer_create(a, b, NULL) };

	if (t.printer)
		ksnap_snapshot_diff(a, b, NULL, tell, &t, NULL);
	diff_printer_destroy(t.printer);
	buf_fini(&t.text);
	buf_fini(&t.json);
}

/* With an honest one, in both directions; that of itself has nothing to tell but what is not exact.
 */
static void compare_all(const struct ksnap_snapshot *s)
{
	static struct ksnap_snapshot *sample; /* one for all runs */

	if (!sample) {
		_blob_ struct ksnap_blob *blob = sample_report();

		sample = ksnap_snapshot_open(blob, NULL);
	}
	if (!sample)
		return;
	compare(s, sample);
	compare(sample, s);
	compare(s, s);
}

int fuzz_report(const uint8_t *data, size_t len)
{
	_blob_ struct ksnap_blob *blob = ksnap_blob_copy(data, len);
	struct ksnap_snapshot *s = blob ? ksnap_snapshot_open(blob, NULL) : NULL;

	if (!s)
		return 0;
	look_up(s);
	render(s);
	compare_all(s);
	ksnap_snapshot_close(s);
	return 0;
}
