// SPDX-License-Identifier: MIT
/* state.c - compare, write, catch up, carry. */
#include "broker/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/replace.h"
#include "broker/batch.h"
#include "broker/bridges.h"
#include "broker/state_files.h"
#include "broker/state_load.h"
#include "broker/state_lock.h"
#include "broker/state_records.h"
#include "broker/state_reserve.h"
#include "broker/syncer.h"

#define SPARE_SEGMENTS 4 /* files may have so much more than twice what is stored */

struct state {
	struct broker *broker;
	char *path;
	int folder, lock; /* -1: none */
	enum state_sync sync;
	struct syncer *syncer;
	struct segment now; /* where batches go; none before the first */
	uint64_t next_segment, last_bridge;
	struct state_files files;
	struct batch batch; /* empty between calls */
	size_t listed;      /* bridges that are open as far as the files know */
	bool rolled;        /* a file was begun since the last sweep */
	bool suspect;       /* what the files hold may be lost, and is not all written anew yet */
	bool behind;
	uint64_t behind_since_ns;
	char why[KSNAP_ERR_TEXT]; /* it is behind */
};

static const char *const sync_words[] = {
	[STATE_SYNC_SECOND] = "second",
	[STATE_SYNC_NO] = "no",
	[STATE_SYNC_ALWAYS] = "always",
};

int state_sync_of(const char *word, enum state_sync *ret, struct ksnap_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(sync_words); i++) {
		if (strcmp(word, sync_words[i]))
			continue;
		*ret = (enum state_sync)i;
		return 0;
	}
	return err_set(err, KSNAP_E_ARG, "--state-sync is no, second or always, not '%.64s'", word);
}

/* ---- events ------------------------------------------------------------------------------------
 */

static void raise_all(struct state *s, enum ksnap_event_kind kind,
		      const struct ksnap_event_field *fields, unsigned n)
{
	for (struct hosted *h = bridges_first(s->broker->bridges); h; h = h->next)
		hosted_raise(h, kind, fields, n);
}

static void fall_behind(struct state *s, const struct ksnap_err *why)
{
	memcpy(s->why, why->text, sizeof(s->why));
	if (s->behind)
		return;
	s->behind = true;
	s->behind_since_ns = clock_mono_ns();
	log_warn("state in %s: %s; going on from memory", s->path, s->why);
	raise_all(s, KSNAP_EV_STATE_BEHIND,
		  (struct ksnap_event_field[]){ EVENT_STR("reason", s->why) }, 1);
}

static void tell_caught_up(struct state *s)
{
	uint64_t ms = (clock_mono_ns() - s->behind_since_ns) / NS_PER_MS;

	s->behind = false;
	state_reserve_hold(s->folder);
	log_info("state in %s: caught up after %llu ms", s->path, (unsigned long long)ms);
	raise_all(s, KSNAP_EV_STATE_CAUGHT_UP,
		  (struct ksnap_event_field[]){ EVENT_NUM("behind_ms", ms) }, 1);
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static struct segment_at end_of(const struct state *s)
{
	return (struct segment_at){ s->now.number, s->now.fd < 0 ? 0 : s->now.bytes };
}

static void drop_segment(struct state *s, struct segment *seg)
{
	char name[SEGMENT_NAME_MAX];

	segment_name(seg->number, name);
	unlinkat(s->folder, name, 0);
	segment_close(seg);
}

/* New bridges get their numbers. Returns how many had one: less than are listed, when some were
 * closed. */
static size_t number_bridges(struct state *s)
{
	size_t n = 0;

	for (struct hosted *h = bridges_first(s->broker->bridges); h; h = h->next) {
		n += h->kept.id != 0;
		h->kept.id = h->kept.id ? h->kept.id : ++s->last_bridge;
	}
	return n;
}

/* A file begins with all books as they were written last: whatever was before may then go. */
static int begin_segment(struct state *s, struct segment *seg, struct ksnap_err *err)
{
	_batch_ struct batch head = { 0 };

	number_bridges(s);
	record_head(&head, s->broker);
	for (struct hosted *h = bridges_first(s->broker->bridges); h; h = h->next)
		if (h->kept.written)
			record_bridge(&head, h, &h->kept.books, h->kept.counted);
	return batch_write(&head, seg, syncer_done(s->syncer), err);
}

static int roll(struct state *s, struct ksnap_err *err)
{
	struct segment next;
	int rc = segment_mend(&s->now, err);

	rc = rc ? rc : segment_create(s->folder, s->next_segment, &next, err);
	if (rc)
		return rc;
	rc = begin_segment(s, &next, err);
	rc = rc ? rc : state_files_add(&s->files, next.number, next.bytes, err);
	if (rc) {
		drop_segment(s, &next);
		return rc;
	}
	segment_close(&s->now);
	s->now = next;
	s->next_segment++;
	s->listed = bridges_count(s->broker->bridges);
	s->rolled = true;
	return 0;
}

/* Write the batch, which is empty afterwards in any case. */
static int flush(struct state *s, struct ksnap_err *err)
{
	uint64_t bytes = batch_bytes(&s->batch);
	struct state_file *file;
	int rc = 0;

	if (bytes && (s->now.fd < 0 || s->now.bytes + BATCH_HEAD + bytes > SEGMENT_BYTES))
		rc = roll(s, err);
	if (bytes && !rc)
		rc = batch_write(&s->batch, &s->now, syncer_done(s->syncer), err);
	file = state_files_find(&s->files, s->now.number);
	if (file)
		file->bytes = s->now.bytes;
	batch_clear(&s->batch);
	return rc;
}

static int flush_full(struct state *s, uint64_t more, struct ksnap_err *err)
{
	uint64_t bytes = batch_bytes(&s->batch);

	return bytes && bytes + more > SEGMENT_BYTES ? flush(s, err) : 0;
}

/* Those of no file are the newest ones. */
static int write_snapshots(struct state *s, struct hosted *h, struct ksnap_err *err)
{
	struct store_node *node = bridge_store(h->core)->tail;
	int rc = 0;

	while (node && node->prev && !node->prev->kept.in)
		node = node->prev;
	for (; node && !node->kept.in && !rc; node = node->next) {
		rc = flush_full(s, node->bytes, err);
		if (!rc)
			record_snapshot(&s->batch, h, node);
	}
	return rc;
}

static int write_events(struct state *s, struct hosted *h, struct ksnap_err *err)
{
	struct event_node *node = bridge_events(h->core)->tail;
	int rc = 0;

	while (node && node->prev && !node->prev->kept.in)
		node = node->prev;
	for (; node && !node->kept.in && !rc; node = node->next) {
		rc = flush_full(s, 0, err);
		if (!rc)
			record_event(&s->batch, h, node);
	}
	return rc;
}

static bool has_changed(const struct hosted *h, const struct bridge_books *now)
{
	return !h->kept.written || !h->kept.counted ||
	       memcmp(now, &h->kept.books, sizeof(*now)) != 0;
}

static int write_bridge(struct state *s, struct hosted *h, struct ksnap_err *err)
{
	struct bridge_books now;
	int rc;

	bridge_books(h->core, &now);
	if (!has_changed(h, &now))
		return 0;
	rc = write_snapshots(s, h, err);
	rc = rc ? rc : write_events(s, h, err);
	if (!rc)
		record_bridge(&s->batch, h, &now, true);
	return rc;
}

/* Books that were written with all they are about. */
static void note_books(struct state *s)
{
	for (struct hosted *h = bridges_first(s->broker->bridges); h; h = h->next) {
		bridge_books(h->core, &h->kept.books);
		h->kept.written = h->kept.counted = true;
	}
}

static int write_all(struct state *s, struct ksnap_err *err)
{
	int rc = 0;

	if (number_bridges(s) < s->listed)
		record_head(&s->batch, s->broker);
	for (struct hosted *h = bridges_first(s->broker->bridges); h && !rc; h = h->next)
		rc = write_bridge(s, h, err);
	if (!rc && batch_bytes(&s->batch))
		rc = flush(s, err);
	if (rc) {
		batch_clear(&s->batch);
		return rc;
	}
	s->listed = bridges_count(s->broker->bridges);
	s->suspect = false;
	note_books(s);
	return 0;
}

/* ---- sweeping ----------------------------------------------------------------------------------
 */

static int carry_bridge(struct state *s, struct hosted *h, uint64_t from, struct ksnap_err *err)
{
	struct store_node *node = bridge_store(h->core)->head;
	struct event_node *event = bridge_events(h->core)->head;
	int rc = 0;

	for (; node && !rc; node = node->next) {
		if (node->kept.in != from)
			continue;
		rc = flush_full(s, node->bytes, err);
		if (!rc)
			record_snapshot(&s->batch, h, node);
	}
	for (; event && !rc; event = event->next) {
		if (event->kept.in != from)
			continue;
		rc = flush_full(s, 0, err);
		if (!rc)
			record_event(&s->batch, h, event);
	}
	return rc;
}

/* Write what lives in file @from once more. */
static int carry(struct state *s, uint64_t from, struct ksnap_err *err)
{
	int rc = 0;

	for (struct hosted *h = bridges_first(s->broker->bridges); h && !rc; h = h->next)
		rc = carry_bridge(s, h, from, err);
	if (!rc)
		rc = flush(s, err);
	batch_clear(&s->batch);
	return rc;
}

/* Bury what is dead, carry what keeps others from it. All books are written by now. */
static int sweep(struct state *s, struct ksnap_err *err)
{
	int rc = 0;

	while (s->now.fd >= 0 && !s->suspect) {
		uint64_t stored = state_files_count(&s->files, s->broker->bridges);
		struct state_file *barest;

		if (state_files_bury(&s->files, s->now.number, end_of(s)))
			syncer_ask(s->syncer, end_of(s));
		if (state_files_undead(&s->files) <= 2 * stored + SPARE_SEGMENTS * SEGMENT_BYTES)
			break;
		barest = state_files_barest(&s->files, s->now.number);
		if (!barest || 2 * barest->live > barest->bytes)
			break;
		rc = carry(s, barest->number, err);
		if (rc)
			break;
	}
	s->rolled = false;
	state_files_remove(&s->files, syncer_done(s->syncer));
	return rc;
}

/* ---- behind ------------------------------------------------------------------------------------
 */

/* Books of what is in the files and still lives: with them, dead files may go before there is room
 * for what is new. */
static int write_removals(struct state *s, struct ksnap_err *err)
{
	for (struct hosted *h = bridges_first(s->broker->bridges); h; h = h->next) {
		struct bridge_books *was = &h->kept.books, now;

		if (!h->kept.written)
			continue;
		bridge_books(h->core, &now);
		was->first_seq = now.first_seq <= was->last_seq ? now.first_seq : was->last_seq + 1;
		was->first_event =
			now.first_event <= was->last_event ? now.first_event : was->last_event + 1;
		h->kept.counted = false;
		record_bridge(&s->batch, h, was, false);
	}
	return flush(s, err);
}

/* To a file of its own: the one before may be all that fills the disk. */
static int write_removals_apart(struct state *s, struct ksnap_err *err)
{
	int rc = roll(s, err);

	return rc ? rc : write_removals(s, err);
}

static void catch_up(struct state *s)
{
	struct ksnap_err why;
	int rc;

	state_files_remove(&s->files, syncer_done(s->syncer));
	rc = write_removals_apart(s, &why);
	if (rc && state_reserve_release(s->folder))
		rc = write_removals_apart(s, &why);
	rc = rc ? rc : sweep(s, &why);
	rc = rc ? rc : write_all(s, &why);
	if (rc)
		fall_behind(s, &why);
	else
		tell_caught_up(s);
}

/* What was not on disk when syncing failed may be anything now: nothing counts as written, and it
 * goes to other files. */
static void forget_written(struct state *s)
{
	for (struct hosted *h = bridges_first(s->broker->bridges); h; h = h->next) {
		struct store_node *node = bridge_store(h->core)->head;
		struct event_node *event = bridge_events(h->core)->head;

		for (; node; node = node->next)
			node->kept = (struct kept){ 0 };
		for (; event; event = event->next)
			event->kept = (struct kept){ 0 };
		h->kept.counted = false;
	}
	s->suspect = true;
	segment_close(&s->now);
}

static void check_syncer(struct state *s)
{
	struct ksnap_err why;

	if (!syncer_failed(s->syncer, &why))
		return;
	fall_behind(s, &why);
	forget_written(s);
}

/* ---- the calls of the broker -------------------------------------------------------------------
 */

static bool is_dirty(struct state *s)
{
	struct bridge_books now;

	for (struct hosted *h = bridges_first(s->broker->bridges); h; h = h->next) {
		bridge_books(h->core, &now);
		if (has_changed(h, &now))
			return true;
	}
	/* None is new, so there are fewer when some were closed. */
	return bridges_count(s->broker->bridges) < s->listed;
}

void state_settle(struct state *s)
{
	struct ksnap_err why;
	int rc;

	if (!s || s->behind || !is_dirty(s))
		return;
	rc = write_all(s, &why);
	rc = rc || !s->rolled ? rc : sweep(s, &why);
	if (rc)
		fall_behind(s, &why);
	if (s->sync != STATE_SYNC_ALWAYS || rc)
		return;
	syncer_wait(s->syncer, end_of(s));
	check_syncer(s);
}

void state_tick(struct state *s)
{
	struct ksnap_err why;

	if (!s)
		return;
	check_syncer(s);
	if (s->behind)
		catch_up(s);
	state_settle(s);
	if (!s->behind && sweep(s, &why))
		fall_behind(s, &why);
	if (s->sync == STATE_SYNC_SECOND)
		syncer_ask(s->syncer, end_of(s));
	state_files_remove(&s->files, syncer_done(s->syncer));
}

void state_row(struct state *s, struct wire_state_row *ret)
{
	*ret = (struct wire_state_row){
		.folder = wire_slice_of(s->path),
		.sync = wire_slice_of(sync_words[s->sync]),
		.bytes = state_files_bytes(&s->files),
		.files = s->files.n,
		.behind = s->behind,
		.has_reason = s->behind,
		.reason = wire_slice_of(s->why),
	};
}

/* ---- life --------------------------------------------------------------------------------------
 */

/* Cut where writing was broken off. */
static int cut(struct state *s, const struct state_found *f, struct ksnap_err *err)
{
	char name[SEGMENT_NAME_MAX];
	int rc = 0;

	for (size_t i = 0; i < f->n && !rc; i++) {
		_close_ int fd = -1;

		if (f->segments[i] < f->end.segment)
			continue;
		segment_name(f->segments[i], name);
		if (f->segments[i] > f->end.segment || !f->end.offset) {
			rc = unlinkat(s->folder, name, 0);
			continue;
		}
		fd = openat(s->folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		rc = fd < 0 ? -1 : ftruncate(fd, (off_t)f->end.offset);
	}
	if (!rc)
		return 0;
	rc = errno;
	return err_errno(err, file_error_code(rc), rc, "cannot cut %s", name);
}

static void tell_cut(struct state *s, const struct state_found *f)
{
	char name[SEGMENT_NAME_MAX];

	segment_name(f->end.segment, name);
	if (f->cut_bytes)
		log_warn("%s/%s ended within a record: cut at byte %llu, %llu bytes", s->path, name,
			 (unsigned long long)f->end.offset, (unsigned long long)f->cut_bytes);
	else
		log_warn("%s/%s is empty: removed", s->path, name);
	raise_all(s, KSNAP_EV_STATE_CUT,
		  (struct ksnap_event_field[]){ EVENT_STR("file", name),
						EVENT_NUM("offset", f->end.offset),
						EVENT_NUM("bytes", f->cut_bytes) },
		  3);
}

/* Is file @i still there after the cut? */
static bool is_left(const struct state_found *f, size_t i)
{
	if (!f->cut || f->segments[i] < f->end.segment)
		return true;
	return f->segments[i] == f->end.segment && f->end.offset;
}

static int take_over(struct state *s, const struct state_found *f, struct ksnap_err *err)
{
	int rc = f->cut ? cut(s, f, err) : 0;

	for (size_t i = 0; i < f->n && !rc; i++)
		if (is_left(f, i))
			rc = state_files_add(&s->files, f->segments[i], f->sizes[i], err);
	s->next_segment = f->n ? f->segments[f->n - 1] + 1 : 1;
	s->last_bridge = f->last_bridge;
	s->now.number = s->next_segment - 1;
	if (!rc && f->cut)
		tell_cut(s, f);
	return rc;
}

static int load(struct state *s, struct ksnap_err *err)
{
	struct state_found found;
	int rc = state_load(s->broker, s->folder, s->path, &found, err);

	if (rc)
		return rc;
	rc = take_over(s, &found, err);
	state_found_clear(&found);
	return rc;
}

/* A broker that cannot write at its start, because the disk is full, serves from memory too. */
static int begin(struct state *s, struct ksnap_err *err)
{
	struct segment_at from = { s->files.n ? s->files.list[0].number : s->next_segment, 0 };
	struct ksnap_err why;
	int rc;

	/* Whether the earlier life's files are on disk is not known. */
	s->syncer = syncer_create(s->folder, from, err);
	if (!s->syncer)
		return KSNAP_E_INTERNAL;
	rc = roll(s, &why);
	if (rc)
		fall_behind(s, &why);
	else
		state_reserve_hold(s->folder);
	return 0;
}

struct state *state_create(struct broker *b, const char *folder, enum state_sync sync,
			   struct ksnap_err *err)
{
	struct state *s = calloc(1, sizeof(*s));
	int rc;

	if (!s) {
		err_nomem(err);
		return NULL;
	}
	s->broker = b;
	s->sync = sync;
	s->folder = s->lock = -1;
	s->now = SEGMENT_INIT;
	s->path = strdup(folder);
	rc = s->path ? state_lock(folder, &s->folder, &s->lock, err) : err_nomem(err);
	s->files.folder = s->folder;
	rc = rc ? rc : load(s, err);
	rc = rc ? rc : begin(s, err);
	if (!rc)
		return s;
	state_destroy(s);
	return NULL;
}

void state_destroy(struct state *s)
{
	if (!s)
		return;
	if (s->syncer) {
		state_tick(s);
		if (!s->behind)
			syncer_wait(s->syncer, end_of(s));
		state_files_remove(&s->files, syncer_done(s->syncer));
	}
	syncer_destroy(s->syncer);
	segment_close(&s->now);
	batch_fini(&s->batch);
	state_files_fini(&s->files);
	cleanup_close(&s->lock);
	cleanup_close(&s->folder);
	free(s->path);
	free(s);
}
