// SPDX-License-Identifier: MIT
/* overs.c - hits are counted, ends are added up. */
#include "bench/overs.h"

#include <stdio.h>

#include "bench/bench.h"
#include "wire/shapes.h"

#define PATIENCE_NS 60000000000ull
#define TURN_MS     100

struct ksnap_subscriber *overs_follow(struct ksnap_client *c, const char *bridge)
{
	char channel[KSNAP_TAG_MAX + 16];
	const char *const channels[] = { channel, NULL };
	KSNAP_OPTS(ksnap_subscribe_opts, o, .channels = channels, .from = "oldest");
	struct ksnap_err err = { 0 };
	struct ksnap_subscriber *s;

	snprintf(channel, sizeof(channel), "watch/%s", bridge);
	s = ksnap_subscriber_create(c, &o, &err);
	if (!s)
		bench_wrong("no subscription: %s", err.text);
	return s;
}

static int take_over(struct overs *o, const struct wire_live_over *over)
{
	o->n++;
	o->hits += over->hits;
	o->suppressed += over->suppressed;
	o->missed += over->missed;
	if (over->exact)
		return 0;
	return bench_wrong("watch %llu is over (%.*s), and nobody knows how often it fired",
			   (unsigned long long)over->watch, (int)over->reason.len, over->reason.p);
}

static int take(struct overs *o, const struct ksnap_live_msg *m)
{
	struct wire_live_over over;

	if (m->kind != KSNAP_LIVE_MESSAGE)
		return bench_wrong("%s: messages were lost", m->channel);
	if (!wire_decode(&wire_shape_live_over, ksnap_blob_data(m->header),
			 ksnap_blob_size(m->header), WIRE_SKIP_UNKNOWN, NULL, &over, NULL))
		return take_over(o, &over);
	o->told++;
	return 0;
}

/* 1: took one; 0: none came within @timeout_ms. */
static int take_next(struct ksnap_subscriber *s, int timeout_ms, struct overs *o)
{
	struct ksnap_live_msg m;
	struct ksnap_err err = { 0 };
	int code = ksnap_subscriber_next(s, timeout_ms, &m, &err);

	if (code < 0)
		return ksnap_err_retry(code) ? 0 : bench_wrong("following watches: %s", err.text);
	if (code == 0)
		return 0;
	code = take(o, &m);
	ksnap_live_msg_clear(&m);
	return code ? code : 1;
}

int overs_catch_up(struct ksnap_subscriber *s, struct overs *o)
{
	int code;

	do {
		code = take_next(s, 0, o);
	} while (code > 0);
	return code;
}

int overs_read(struct ksnap_subscriber *s, uint64_t n, struct overs *o)
{
	uint64_t end = bench_now() + PATIENCE_NS;

	while (o->n < n) {
		if (take_next(s, TURN_MS, o) < 0)
			return -1;
		if (bench_now() > end)
			return bench_wrong("%llu of %llu watches are told to be over",
					   (unsigned long long)o->n, (unsigned long long)n);
	}
	return 0;
}
