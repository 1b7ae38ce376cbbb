// SPDX-License-Identifier: MIT
/* model_test.c - random steps on a bridge beside a model of a few arrays, compared after each.
 *
 * KSNAP_SEED repeats a run, KSNAP_STEPS makes a longer one. The model knows nothing of lists,
 * hashes or nodes: an array in order, counters, and the events it expects as lines of text. */
#include <inttypes.h>
#include <time.h>

#include "rig.h"

#define STEPS      1000000
#define EPISODE    5000 /* steps with the same caps */
#define TAGS       1500 /* most different tags */
#define EVENTS     64   /* largest event cap */
#define LINE       160
#define FULL_CHECK 37 /* steps between comparisons of the whole order */

struct model_entry {
	unsigned tag;
	uint64_t seq, report, stats, elapsed;
	bool placeholder, has_step;
	unsigned step;
};

struct model {
	uint64_t cap, cap_bytes, cap_events, cap_watches;
	struct model_entry entries[TAGS]; /* oldest first */
	size_t n;
	uint64_t bytes, seq;
	uint64_t accepted, evicted, overwritten, drained, refused, unavailable;
	char kept[EVENTS][LINE]; /* ring of the newest events */
	uint64_t raised, nkept, dropped, untold;
	char told[TAGS * LINE / 8]; /* lines this step should bring */
	size_t told_len;
	uint64_t watch_ids[16]; /* armed, oldest first */
	size_t nwatches;
	uint64_t last_watch;
};

struct run {
	struct ksnap_bridge *b;
	struct model m;
	uint64_t random, seed, step;
	unsigned tags;             /* different ones in this episode */
	char got[TAGS * LINE / 8]; /* lines this step brought */
	size_t got_len;
	uint64_t last_seq;
	bool refuse; /* what the callbacks should do */
};

static char tag_names[TAGS][KSNAP_TAG_MAX + 1];
static bool tag_is_periodic[TAGS];

static void name_tags(void)
{
	for (unsigned i = 0; i < TAGS; i++) {
		static const char *const forms[] = { "periodic_%03u", "t%u", "periodic_k%u",
						     "long_tag_that_is_nearly_at_the_limit_%u" };

		tag_is_periodic[i] = i % 4 == 0 && i < 1000;
		snprintf(tag_names[i], sizeof(tag_names[i]), forms[i % 4], i);
	}
}

/* xorshift64* */
static uint64_t draw(struct run *r)
{
	r->random ^= r->random >> 12;
	r->random ^= r->random << 25;
	r->random ^= r->random >> 27;
	return r->random * 0x2545f4914f6cdd1du;
}

static uint64_t below(struct run *r, uint64_t n)
{
	return (draw(r) >> 16) % n;
}

#define CHECK(r, what)                                                                     \
	do {                                                                               \
		if (!(what))                                                               \
			fail_msg("KSNAP_SEED=%" PRIu64 " step %" PRIu64 ": %s", (r)->seed, \
				 (r)->step, #what);                                        \
	} while (0)

/* ---- the model ------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void tell(struct model *m, const char *fmt, ...)
{
	char *slot = m->kept[m->raised++ % EVENTS];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(slot, LINE, fmt, ap);
	va_end(ap);
	m->told_len += snprintf(m->told + m->told_len, sizeof(m->told) - m->told_len, "%s\n", slot);
	if (m->nkept < m->cap_events) {
		m->nkept++;
	} else {
		m->dropped++;
		m->untold++;
	}
}

static size_t model_find(const struct model *m, unsigned tag)
{
	size_t i = 0;

	while (i < m->n && m->entries[i].tag != tag)
		i++;
	return i;
}

static void model_remove(struct model *m, size_t at)
{
	m->bytes -= m->entries[at].report + m->entries[at].stats;
	memmove(&m->entries[at], &m->entries[at + 1], (--m->n - at) * sizeof(m->entries[0]));
}

static int model_store(struct model *m, struct model_entry e)
{
	uint64_t size = e.report + e.stats;
	size_t at;

	if (size > m->cap_bytes) {
		tell(m, "report_refused tag=%s bytes=%" PRIu64 " cap_bytes=%" PRIu64,
		     tag_names[e.tag], size, m->cap_bytes);
		m->refused++;
		return KSNAP_E_LIMIT;
	}
	at = model_find(m, e.tag);
	if (at < m->n) {
		tell(m, "overwrite tag=%s prior_schema=ksnap.report/1", tag_names[e.tag]);
		model_remove(m, at);
		m->overwritten++;
	}
	while (m->n + 1 > m->cap || m->bytes + size > m->cap_bytes) {
		char bytes[48] = "";

		if (m->bytes + size > m->cap_bytes)
			snprintf(bytes, sizeof(bytes), " cap_bytes=%" PRIu64, m->cap_bytes);
		tell(m, "eviction evicted_tag=%s new_tag=%s cap=%" PRIu64 "%s",
		     tag_names[m->entries[0].tag], tag_names[e.tag], m->cap, bytes);
		model_remove(m, 0);
		m->evicted++;
	}
	e.seq = ++m->seq;
	m->entries[m->n++] = e;
	m->bytes += size;
	m->accepted++;
	return 0;
}

static size_t model_periodic(const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += tag_is_periodic[m->entries[i].tag] && !m->entries[i].placeholder;
	return n;
}

/* ---- callbacks of the bridge ------------------------------------------------------------------
 */

static void take_event(void *arg, const struct ksnap_event *event)
{
	struct run *r = arg;

	CHECK(r, event->seq == r->last_seq + 1);
	r->last_seq = event->seq;
	r->got_len += rig_event_text(event, r->got + r->got_len, sizeof(r->got) - r->got_len);
	r->got_len += snprintf(r->got + r->got_len, sizeof(r->got) - r->got_len, "\n");
}

static struct ksnap_blob *capture(void *arg, const char *tag, bool *complete, bool *placeholder,
				  struct ksnap_err *err)
{
	struct run *r = arg;

	if (r->refuse)
		snprintf(err->text, sizeof(err->text), "no light");
	return r->refuse ? NULL : rig_blob(3);
}

static int arm(void *arg, const char *symbol, struct ksnap_err *err)
{
	struct run *r = arg;

	CHECK(r, ksnap_bridge_watch_count(r->b) == r->m.nwatches + 1);
	return r->refuse ? KSNAP_E_TARGET : 0;
}

/* ---- steps ------------------------------------------------------------------------------------
 */

static void step_store(struct run *r)
{
	KSNAP_OPTS(ksnap_store_args, args, .complete = true);
	struct model_entry e = { .tag = below(r, r->tags) };
	uint64_t seq = 0;
	int want, rc;

	e.report = below(r, below(r, 8) ? 60 : 600);
	e.stats = below(r, 4) ? 0 : 1 + below(r, 20);
	e.placeholder = below(r, 8) == 0;
	e.has_step = below(r, 2);
	e.step = e.has_step ? below(r, 65536) : 0;
	e.elapsed = below(r, 2) ? draw(r) | 1 : 0;
	args.tag = tag_names[e.tag];
	args.report = rig_blob(e.report);
	args.stats = e.stats ? rig_blob(e.stats) : NULL;
	args.placeholder = e.placeholder;
	args.has_step = e.has_step;
	args.step = e.step;
	args.has_elapsed_ms = e.elapsed != 0;
	args.elapsed_ms = e.elapsed;
	want = model_store(&r->m, e);
	rc = ksnap_bridge_store(r->b, &args, &seq, NULL);
	CHECK(r, rc == want);
	CHECK(r, seq == (want ? 0 : r->m.seq));
	ksnap_blob_unref(args.report);
	ksnap_blob_unref(args.stats);
}

static void step_capture(struct run *r)
{
	struct model_entry e = { .tag = below(r, r->tags), .report = 3, .has_step = true };
	int want;

	r->refuse = below(r, 2);
	e.step = below(r, 9);
	if (r->refuse) {
		tell(&r->m, "capture_unavailable tag=%s reason=no light", tag_names[e.tag]);
		r->m.unavailable++;
		want = 0;
	} else {
		want = model_store(&r->m, e);
		want = want < 0 ? want : 1;
	}
	CHECK(r, ksnap_bridge_capture(r->b, tag_names[e.tag], e.step, NULL) == want);
}

static void compare_entry(struct run *r, const struct ksnap_entry *got,
			  const struct model_entry *want)
{
	CHECK(r, strcmp(got->tag, tag_names[want->tag]) == 0);
	CHECK(r, got->seq == want->seq);
	CHECK(r, ksnap_blob_size(got->report) == want->report);
	CHECK(r, (got->stats ? ksnap_blob_size(got->stats) : 0) == want->stats);
	CHECK(r, (got->stats_reason == KSNAP_STATS_PRESENT) == (want->stats != 0));
	CHECK(r, got->placeholder == want->placeholder);
	CHECK(r, got->has_step == want->has_step && got->step == want->step);
	CHECK(r, got->has_elapsed_ms == (want->elapsed != 0) && got->elapsed_ms == want->elapsed);
	CHECK(r, !got->has_boundary_ms && got->boundary_ms == 0);
}

static void compare_order(struct run *r, struct ksnap_entry *got, size_t n)
{
	CHECK(r, n == r->m.n);
	for (size_t i = 0; i < n; i++)
		compare_entry(r, &got[i], &r->m.entries[i]);
	ksnap_entries_free(got, n);
}

static void step_look(struct run *r)
{
	unsigned tag = below(r, r->tags);
	size_t at = model_find(&r->m, tag);
	struct ksnap_entry e;
	int rc = ksnap_bridge_get(r->b, tag_names[tag], &e, NULL);

	CHECK(r, ksnap_bridge_has(r->b, tag_names[tag]) == (at < r->m.n));
	CHECK(r, rc == (at < r->m.n ? 0 : KSNAP_E_NOTFOUND));
	if (rc == 0) {
		compare_entry(r, &e, &r->m.entries[at]);
		ksnap_entry_clear(&e);
	}
}

static void step_drain(struct run *r)
{
	static int (*const drains[])(struct ksnap_bridge *, struct ksnap_entry **, size_t *,
				     struct ksnap_err *) = {
		ksnap_bridge_drain,
		ksnap_bridge_drain_ordered,
		ksnap_bridge_drain_ordered_with_stats,
	};
	struct ksnap_entry *got;
	size_t n;

	CHECK(r, drains[below(r, 3)](r->b, &got, &n, NULL) == 0);
	compare_order(r, got, n);
	r->m.drained += n;
	r->m.n = 0;
	r->m.bytes = 0;
}

static void step_drain_events(struct run *r)
{
	struct model *m = &r->m;
	struct ksnap_event *got;
	char line[LINE];
	size_t n;

	CHECK(r, ksnap_bridge_drain_events(r->b, &got, &n, NULL) == 0);
	CHECK(r, n == m->nkept + (m->untold ? 1 : 0));
	for (size_t i = 0; i < m->nkept; i++) {
		uint64_t seq = m->raised - m->nkept + i + 1;

		CHECK(r, got[i].seq == seq);
		rig_event_text(&got[i], line, sizeof(line));
		CHECK(r, strcmp(line, m->kept[(seq - 1) % EVENTS]) == 0);
	}
	if (m->untold) {
		CHECK(r, got[n - 1].kind == KSNAP_EV_EVENT_LOG_TRUNCATED);
		CHECK(r, got[n - 1].seq == 0 && got[n - 1].fields[0].num == m->untold);
	}
	ksnap_events_free(got, n);
	m->nkept = m->untold = 0;
}

static void step_watch(struct run *r)
{
	struct model *m = &r->m;
	uint64_t id = 0;
	int rc;

	r->refuse = below(r, 3) == 0;
	rc = ksnap_bridge_watch(r->b, "sym", &id, NULL);
	if (m->nwatches == m->cap_watches) {
		CHECK(r, rc == KSNAP_E_LIMIT);
		return;
	}
	m->last_watch++;
	if (r->refuse) {
		CHECK(r, rc == KSNAP_E_TARGET);
		return;
	}
	CHECK(r, rc == 0 && id == m->last_watch);
	tell(m, "watch_armed symbol=sym watch=%" PRIu64, id);
	m->watch_ids[m->nwatches++] = id;
}

static void step_unwatch(struct run *r)
{
	struct model *m = &r->m;
	uint64_t id = 1 + below(r, m->last_watch + 1);
	size_t at = 0;
	int rc;

	if (m->nwatches && below(r, 4))
		id = m->watch_ids[below(r, m->nwatches)];
	rc = ksnap_bridge_unwatch(r->b, id, "hot", NULL);
	while (at < m->nwatches && m->watch_ids[at] != id)
		at++;
	CHECK(r, rc == (at < m->nwatches ? 0 : KSNAP_E_NOTFOUND));
	if (rc)
		return;
	tell(m, "watch_disarmed symbol=sym watch=%" PRIu64 " reason=hot", id);
	memmove(&m->watch_ids[at], &m->watch_ids[at + 1],
		(--m->nwatches - at) * sizeof(m->watch_ids[0]));
}

static void step_misuse(struct run *r)
{
	KSNAP_OPTS(ksnap_store_args, args, .tag = "bad\ntag");

	args.report = rig_blob(1);
	CHECK(r, ksnap_bridge_store(r->b, &args, NULL, NULL) == KSNAP_E_ARG);
	ksnap_blob_unref(args.report);
	CHECK(r, ksnap_bridge_capture(r->b, "", 0, NULL) == KSNAP_E_ARG);
	CHECK(r, ksnap_bridge_watch(r->b, "", NULL, NULL) == KSNAP_E_ARG);
}

static void take_step(struct run *r)
{
	unsigned dice = below(r, 1000);

	if (dice < 700)
		step_store(r);
	else if (dice < 760)
		step_capture(r);
	else if (dice < 860)
		step_look(r);
	else if (dice < 863)
		step_drain(r);
	else if (dice < 880)
		step_drain_events(r);
	else if (dice < 930)
		step_watch(r);
	else if (dice < 980)
		step_unwatch(r);
	else
		step_misuse(r);
}

/* ---- comparing --------------------------------------------------------------------------------
 */

static void compare_books(struct run *r)
{
	const struct model *m = &r->m;
	struct ksnap_bridge_stats s;

	ksnap_bridge_stats(r->b, &s);
	CHECK(r, s.stored == m->n && s.stored <= m->cap);
	CHECK(r, s.bytes == m->bytes && s.bytes <= m->cap_bytes);
	CHECK(r, s.accepted == s.stored + s.evicted + s.overwritten + s.drained);
	CHECK(r, s.accepted == m->accepted && s.evicted == m->evicted);
	CHECK(r, s.overwritten == m->overwritten && s.drained == m->drained);
	CHECK(r, s.refused == m->refused && s.unavailable == m->unavailable);
	CHECK(r, s.events_raised == m->raised && s.events_dropped == m->dropped);
	CHECK(r, s.events_kept == m->nkept && s.events_kept <= m->cap_events);
	CHECK(r, s.watches == m->nwatches && s.watches <= m->cap_watches);
	CHECK(r, ksnap_bridge_len(r->b) == m->n);
	CHECK(r, ksnap_bridge_event_count(r->b) == m->nkept);
	CHECK(r, rig_blobs_alive >= (long)m->n);
}

static void compare_all(struct run *r)
{
	struct ksnap_entry *got;
	size_t n;

	CHECK(r, ksnap_bridge_list(r->b, &got, &n, NULL) == 0);
	compare_order(r, got, n);
	CHECK(r, ksnap_bridge_periodic_real_count(r->b) == model_periodic(&r->m));
}

static void begin_episode(struct run *r)
{
	static const uint64_t caps[] = { 1, 2, 3, 8, 64, 1000 };
	static const uint64_t bytes[] = { 1, 50, 200, 2000, 40000, 1 << 28 };
	static const uint64_t events[] = { 1, 2, 7, EVENTS };
	static const uint64_t watches[] = { 1, 3, 9 };
	KSNAP_OPTS(ksnap_bridge_opts, o, .capture = capture, .watch = arm, .event = take_event,
		   .arg = r);
	struct model *m = &r->m;

	memset(m, 0, sizeof(*m));
	m->cap = o.limits.snapshots = caps[below(r, 6)];
	m->cap_bytes = o.limits.bytes = bytes[below(r, 6)];
	m->cap_events = o.limits.events = events[below(r, 4)];
	m->cap_watches = o.limits.watches = watches[below(r, 3)];
	o.single_threaded = below(r, 2);
	r->tags = 1 + below(r, below(r, 2) ? TAGS : 2 * m->cap > TAGS ? TAGS : 2 * m->cap);
	r->last_seq = 0;
	r->b = ksnap_bridge_create(&o, NULL);
	CHECK(r, r->b);
}

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static struct run run;

static void the_bridge_does_what_the_model_does(void **state)
{
	struct run *r = &run;
	uint64_t steps = from_env("KSNAP_STEPS", STEPS);

	r->seed = from_env("KSNAP_SEED", (uint64_t)time(NULL) ^ (uintptr_t)r << 16);
	r->random = r->seed | 1ull << 63;
	printf("# KSNAP_SEED=%" PRIu64 " KSNAP_STEPS=%" PRIu64 "\n", r->seed, steps);
	name_tags();
	for (; r->step < steps; r->step++) {
		if (r->step % EPISODE == 0)
			begin_episode(r);
		r->m.told[0] = r->got[0] = '\0';
		r->m.told_len = r->got_len = 0;
		take_step(r);
		CHECK(r, strcmp(r->m.told, r->got) == 0);
		compare_books(r);
		if (r->step % FULL_CHECK == 0)
			compare_all(r);
		if (r->step % EPISODE == EPISODE - 1 || r->step + 1 == steps) {
			compare_all(r);
			r->got_len = 0;
			ksnap_bridge_unref(r->b);
			CHECK(r, rig_blobs_alive == 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bridge_does_what_the_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, rig_done);
}
