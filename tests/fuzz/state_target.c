// SPDX-License-Identifier: MIT
/* state_target.c - files of ksnap serve --state, of any bytes: batches are found or not, records
 * are read or refused in words. */
#include <stdlib.h>

#include "broker/segment.h"
#include "broker/state_load.h"
#include "targets.h"

static void read_records(const uint8_t *data, size_t len)
{
	struct ksnap_err err = { 0 };
	int rc = state_check_records(data, len, &err);

	if (rc > 0 || (rc < 0 && !err.text[0]))
		abort();
}

/* Places only go on, and what is found lies within. */
static void check_batch(const struct segment_image *img, const struct segment_batch *b, size_t from)
{
	if (b->offset < from + BATCH_HEAD || b->offset > img->len ||
	    b->len > img->len - b->offset || img->at != b->offset + b->len)
		abort();
}

static void read_batches(const uint8_t *data, size_t len)
{
	struct segment_image img = { .number = 1,
				     .data = (uint8_t *)data,
				     .len = len,
				     .at = len < SEGMENT_HEAD ? 0 : SEGMENT_HEAD };
	struct segment_batch b;
	size_t from = img.at;

	while (segment_next(&img, &b) == SEGMENT_BATCH) {
		check_batch(&img, &b, from);
		read_records(b.data, b.len);
		from = img.at;
	}
	while (segment_next_sound(&img, &b)) {
		check_batch(&img, &b, from);
		from = img.at;
	}
}

int fuzz_state(const uint8_t *data, size_t len)
{
	read_records(data, len);
	read_batches(data, len);
	return 0;
}
