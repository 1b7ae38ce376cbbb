// SPDX-License-Identifier: MIT
/* bus_target.c - what workers and the broker tell one another, and what the live bus carries. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "client/live.h"
#include "targets.h"
#include "wire/shapes.h"

static const struct wire_shape *const shapes[] = {
	&wire_shape_work_kind,  &wire_shape_work_join,        &wire_shape_work_beat,
	&wire_shape_work_done,  &wire_shape_captured,         &wire_shape_captured_reasons,
	&wire_shape_freezing,   &wire_shape_work_welcome,     &wire_shape_work_refused,
	&wire_shape_work_job,   &wire_shape_work_beat_broker, &wire_shape_work_leave,
	&wire_shape_work_fired, &wire_shape_work_watched,     &wire_shape_watching,
	&wire_shape_armed,      &wire_shape_work_unwatch,     &wire_shape_watch_totals,
	&wire_shape_caused,     &wire_shape_live_hit,
};

/* What was decoded can be sent on. */
static void decode(const struct wire_shape *shape, const uint8_t *data, size_t len)
{
	struct wire_arena arena = { 0 };
	struct ksnap_err err = { 0 };
	_buf_ struct buf b = BUF_INIT;
	void *value = malloc(shape->size + 1);

	if (!wire_decode(shape, data, len, WIRE_SKIP_UNKNOWN, &arena, value, &err)) {
		if (wire_encode(shape, value, &b))
			abort();
	} else if (err.code != KSNAP_E_PROTO && err.code != KSNAP_E_ARG) {
		abort();
	}
	wire_arena_fini(&arena);
	free(value);
}

int fuzz_work(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		decode(shapes[i], data, len);
	return 0;
}

static int take(void *arg, const char *channel, size_t len, uint64_t last, struct ksnap_err *err)
{
	uint64_t *sum = arg;

	(void)err;
	if (last > LIVE_SEQ_MAX)
		abort();
	for (size_t i = 0; i < len; i++)
		*sum += (uint8_t)channel[i];
	return 0;
}

int fuzz_live(const uint8_t *data, size_t len)
{
	struct ksnap_blob *header = ksnap_blob_copy(data, len);
	struct ksnap_live_msg m;
	struct ksnap_err err;
	uint64_t sum = 0;

	if (header && !live_from_header(header, &m, &err)) {
		if (!m.channel[0] || m.seq > LIVE_SEQ_MAX)
			abort();
		live_beat_each(&m, take, &sum, &err);
		ksnap_live_msg_clear(&m);
	}
	ksnap_blob_unref(header);
	return 0;
}
