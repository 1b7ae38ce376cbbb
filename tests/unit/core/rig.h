/* SPDX-License-Identifier: MIT */
/* rig.h - what every test of the core starts from: bridges, reports whose leaks show, and events
 * as lines of text, each checked against its schema on the way. */
#ifndef TESTS_CORE_RIG_H
#define TESTS_CORE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/bridge.h"
#include "core/event_kinds.h"
#include "ksnap.h"

#define RIG_TEXT 8192

static _Atomic long rig_blobs_alive;
static char rig_zeroes[4096];

static inline void rig_release(void *data, void *arg)
{
	atomic_fetch_sub(&rig_blobs_alive, 1);
}

/* A blob of @len zero bytes (at most those there are); rig_done() finds it when it leaks. */
static inline struct ksnap_blob *rig_blob(size_t len)
{
	struct ksnap_blob *blob = ksnap_blob_wrap(rig_zeroes, len, rig_release, NULL);

	if (blob)
		atomic_fetch_add(&rig_blobs_alive, 1);
	return blob;
}

static inline int rig_done(void **state)
{
	return rig_blobs_alive ? -1 : 0;
}

static inline struct ksnap_bridge *rig_bridge(uint64_t snapshots, uint64_t bytes, uint64_t events)
{
	KSNAP_OPTS(ksnap_bridge_opts, o, .name = "rig");
	struct ksnap_bridge *b;

	o.limits =
		(struct ksnap_limits){ .snapshots = snapshots, .bytes = bytes, .events = events };
	b = ksnap_bridge_create(&o, NULL);
	assert_non_null(b);
	return b;
}

static inline int rig_store_err(struct ksnap_bridge *b, const char *tag, size_t len,
				struct ksnap_err *err)
{
	KSNAP_OPTS(ksnap_store_args, args, .tag = tag, .complete = true);
	int rc;

	args.report = rig_blob(len);
	rc = ksnap_bridge_store(b, &args, NULL, err);
	ksnap_blob_unref(args.report);
	return rc;
}

static inline void rig_store(struct ksnap_bridge *b, const char *tag, size_t len)
{
	assert_int_equal(rig_store_err(b, tag, len, NULL), 0);
}

/* "eviction evicted_tag=a new_tag=b cap=1" */
static inline size_t rig_event_text(const struct ksnap_event *e, char *buf, size_t cap)
{
	const struct event_kind_info *info = event_kind_find(e->kind);
	size_t len = snprintf(buf, cap, "%s", info->name);
	unsigned at = 0;

	for (unsigned i = 0; i < e->nfields; i++) {
		const struct ksnap_event_field *f = &e->fields[i];

		while (at < info->nfields && strcmp(info->fields[at], f->name) != 0)
			at++;
		if (at++ >= info->nfields)
			fail_msg("%s: field %s is unknown or out of order", info->name, f->name);
		if (f->str)
			len += snprintf(buf + len, cap - len, " %s=%s", f->name, f->str);
		else
			len += snprintf(buf + len, cap - len, " %s=%llu", f->name,
					(unsigned long long)f->num);
	}
	return len;
}

/* Drain the events; @want has one line, with its end, for each. */
static inline void rig_expect_events(struct ksnap_bridge *b, const char *want)
{
	struct ksnap_event *events;
	char got[RIG_TEXT] = "";
	size_t n, len = 0;

	assert_int_equal(ksnap_bridge_drain_events(b, &events, &n, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		len += rig_event_text(&events[i], got + len, sizeof(got) - len);
		len += snprintf(got + len, sizeof(got) - len, "\n");
	}
	ksnap_events_free(events, n);
	assert_string_equal(got, want);
}

static inline void rig_expect_tags(const struct ksnap_entry *entries, size_t n, const char *want)
{
	char got[RIG_TEXT] = "";
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += snprintf(got + len, sizeof(got) - len, "%s%s", i ? " " : "", entries[i].tag);
	assert_string_equal(got, want);
}

/* The stored tags in order, as "a b c". */
static inline void rig_expect_order(struct ksnap_bridge *b, const char *want)
{
	struct ksnap_entry *entries;
	size_t n;

	assert_int_equal(ksnap_bridge_list(b, &entries, &n, NULL), 0);
	rig_expect_tags(entries, n, want);
	ksnap_entries_free(entries, n);
}

/* What must hold at any moment. */
static inline void rig_expect_books(struct ksnap_bridge *b)
{
	struct ksnap_bridge_stats s;
	struct ksnap_limits l;

	ksnap_bridge_stats(b, &s);
	ksnap_bridge_limits(b, &l);
	assert_true(s.accepted == s.stored + s.evicted + s.overwritten + s.drained);
	assert_true(s.stored <= l.snapshots);
	assert_true(s.bytes <= l.bytes);
	assert_true(s.events_kept <= l.events);
	assert_true(s.events_raised >= s.events_kept + s.events_dropped);
	assert_true(s.watches <= l.watches);
}

static inline void rig_expect_text(const struct ksnap_err *err, const char *part)
{
	if (!strstr(err->text, part))
		fail_msg("\"%s\" is not in: %s", part, err->text);
}

#endif
