// SPDX-License-Identifier: MIT
/* path_target.c - a path of foreign bytes into an honest report: found or refused, always in words.
 */
#include <stdlib.h>
#include <string.h>

#include "../unit/report/sample.h"
#include "base/cleanup.h"
#include "report/path.h"
#include "targets.h"

/* Steps go on to the end, and never back. */
static void cut(const char *text)
{
	struct path_step step;
	struct path p;
	size_t at;

	path_init(&p, text);
	do {
		at = p.at;
		if (path_next(&p, &step, NULL))
			return;
		if (p.at < at || p.at > strlen(text) || (p.at == at && step.kind != PATH_END))
			abort();
	} while (step.kind != PATH_END);
}

static void read_value(const struct ksnap_value *v)
{
	_buf_ struct buf out = BUF_INIT;
	struct ksnap_number n;
	struct ksnap_value to;

	ksnap_value_deref(v, &to, NULL);
	ksnap_value_sum(v, NULL, &n, NULL);
	render_value_json(v, NULL, &out);
}

static void find(const struct ksnap_snapshot *s, const char *text)
{
	const struct ksnap_map *m = ksnap_snapshot_map(s, "tasks", NULL);
	struct ksnap_err err = { 0 };
	struct ksnap_value v, entry;
	size_t i;

	if (!ksnap_snapshot_get(s, text, &v, &err))
		read_value(&v);
	else if (!err.code || !err.text[0])
		abort();
	if (m && !ksnap_map_find(m, text, &i, NULL) && i >= ksnap_map_count(m))
		abort();
	if (m && !ksnap_map_value(m, 0, &entry, NULL) && !ksnap_value_get(&entry, text, &v, NULL))
		read_value(&v);
	ksnap_snapshot_var(s, text, &v, NULL);
}

int fuzz_path(const uint8_t *data, size_t len)
{
	static struct ksnap_snapshot *sample; /* one for all runs */
	_free_ char *text = strndup((const char *)data, len);

	if (!sample) {
		_blob_ struct ksnap_blob *blob = sample_report();

		sample = ksnap_snapshot_open(blob, NULL);
	}
	if (!text || !sample)
		return 0;
	cut(text);
	find(sample, text);
	return 0;
}
