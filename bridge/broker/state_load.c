// SPDX-License-Identifier: MIT
/* state_load.c - from files to bridges. A candidate is where a record is, not the record: only
 * what lives is ever read whole. */
#include "broker/state_load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/replace.h"
#include "broker/bridges.h"
#include "broker/state_records.h"
#include "wire/scan.h"

#define BRIDGES_MAX 65536 /* in all files; more is not what a broker wrote */

/* Where the record of a snapshot or event is. */
struct candidate {
	uint64_t seq, order; /* order: later records of the same number win */
	uint64_t segment, offset;
	uint64_t record, report; /* bytes */
	char tag[KSNAP_TAG_MAX + 1];
};

struct candidates {
	struct candidate *list;
	size_t n, cap;
};

struct kept_bridge {
	uint64_t id;
	char name[KSNAP_TAG_MAX + 1];
	struct ksnap_limits asked;
	bool confirmed, counts_stored, counts_events;
	struct bridge_books books;
	struct candidates snapshots, events;
};

struct load {
	struct kept_bridge *bridges;
	size_t n, cap;
	uint64_t epoch, order, last_id;
	/* where it is */
	uint64_t segment;
	const struct segment_batch *batch;
};

static void bridge_clear(struct kept_bridge *k)
{
	free(k->snapshots.list);
	free(k->events.list);
}

static void load_fini(struct load *l)
{
	for (size_t i = 0; i < l->n; i++)
		bridge_clear(&l->bridges[i]);
	free(l->bridges);
}

/* ---- candidates --------------------------------------------------------------------------------
 */

static int by_number(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int by_tag(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int rc = strcmp(x->tag, y->tag);

	return rc ? rc : by_number(a, b);
}

/* Leave out what is not within first to last, and all but the last of those with one number. */
static void settle(struct candidates *c, uint64_t first, uint64_t last)
{
	size_t n = 0;

	if (c->n)
		qsort(c->list, c->n, sizeof(*c->list), by_number);
	for (size_t i = 0; i < c->n; i++) {
		const struct candidate *one = &c->list[i];

		if (one->seq < first || one->seq > last)
			continue;
		n -= n && c->list[n - 1].seq == one->seq;
		c->list[n++] = *one;
	}
	c->n = n;
}

/* A tag lives once: the newest. */
static void settle_tags(struct candidates *c)
{
	size_t n = 0;

	if (!c->n)
		return;
	qsort(c->list, c->n, sizeof(*c->list), by_tag);
	for (size_t i = 0; i < c->n; i++) {
		n -= n && !strcmp(c->list[n - 1].tag, c->list[i].tag);
		c->list[n++] = c->list[i];
	}
	c->n = n;
	qsort(c->list, c->n, sizeof(*c->list), by_number);
}

static void settle_bridge(struct kept_bridge *k, uint64_t last_seq, uint64_t last_event)
{
	settle(&k->snapshots, k->books.first_seq, last_seq);
	settle(&k->events, k->books.first_event, last_event);
}

static int add(struct candidates *c, const struct candidate *one, struct ksnap_err *err)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		struct candidate *list = realloc(c->list, cap * sizeof(*list));

		if (!list)
			return err_nomem(err);
		c->list = list;
		c->cap = cap;
	}
	c->list[c->n++] = *one;
	return 0;
}

/* ---- records -----------------------------------------------------------------------------------
 */

static struct kept_bridge *find_bridge(struct load *l, uint64_t id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->bridges[i].id == id)
			return &l->bridges[i];
	return NULL;
}

static struct kept_bridge *get_bridge(struct load *l, uint64_t id, struct ksnap_err *err)
{
	struct kept_bridge *k = find_bridge(l, id);

	if (k)
		return k;
	if (l->n == BRIDGES_MAX) {
		err_set(err, KSNAP_E_ARG, "more than %d bridges", BRIDGES_MAX);
		return NULL;
	}
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct kept_bridge *list = realloc(l->bridges, cap * sizeof(*list));

		if (!list) {
			err_nomem(err);
			return NULL;
		}
		l->bridges = list;
		l->cap = cap;
	}
	k = &l->bridges[l->n++];
	*k = (struct kept_bridge){ .id = id };
	l->last_id = id > l->last_id ? id : l->last_id;
	return k;
}

static bool is_listed(const struct wire_list *ids, uint64_t id)
{
	for (size_t i = 0; i < ids->n; i++)
		if (((const uint64_t *)ids->items)[i] == id)
			return true;
	return false;
}

/* What an earlier life wrote and did not confirm is not confirmed by a later one. */
static void begin_epoch(struct load *l, uint64_t epoch)
{
	if (l->epoch == epoch)
		return;
	l->epoch = epoch;
	for (size_t i = 0; i < l->n; i++) {
		struct kept_bridge *k = &l->bridges[i];

		settle_bridge(k, k->books.last_seq, k->books.last_event);
	}
}

static int read_head(struct load *l, struct wire_slice record, struct ksnap_err *err)
{
	struct wire_kept_head r;
	struct wire_arena arena = { 0 };
	int rc = wire_decode(&wire_shape_kept_head, record.p, record.len, WIRE_SKIP_UNKNOWN, &arena,
			     &r, err);
	size_t n = 0;

	if (!rc && !wire_slice_is(r.schema, KEPT_SCHEMA))
		rc = err_set(err, KSNAP_E_ARG, "schema %.*s, known is %s",
			     (int)(r.schema.len < 64 ? r.schema.len : 64), r.schema.p, KEPT_SCHEMA);
	if (!rc) {
		begin_epoch(l, r.epoch);
		for (size_t i = 0; i < l->n; i++) {
			if (is_listed(&r.bridges, l->bridges[i].id))
				l->bridges[n++] = l->bridges[i];
			else
				bridge_clear(&l->bridges[i]);
		}
		l->n = n;
	}
	wire_arena_fini(&arena);
	return rc;
}

static bool is_sound(const struct bridge_books *k)
{
	return k->last_seq < UINT64_MAX && k->first_seq <= k->last_seq + 1 && k->first_seq &&
	       k->last_event < UINT64_MAX && k->first_event <= k->last_event + 1 && k->first_event;
}

static int read_bridge(struct load *l, struct wire_slice record, struct ksnap_err *err)
{
	struct wire_kept_bridge r;
	struct kept_bridge *k;
	int rc = wire_decode(&wire_shape_kept_bridge, record.p, record.len, WIRE_SKIP_UNKNOWN, NULL,
			     &r, err);

	if (rc)
		return rc;
	k = get_bridge(l, r.bridge, err);
	if (!k)
		return err ? err->code : KSNAP_E_NOMEM;
	memcpy(k->name, r.name.p, r.name.len);
	k->name[r.name.len] = '\0';
	k->asked = (struct ksnap_limits){ r.limits.snapshots, r.limits.bytes, r.limits.events,
					  r.limits.watches };
	record_books(&r, &k->books);
	k->confirmed = true;
	k->counts_stored = r.has_stored;
	k->counts_events = r.has_events_kept;
	return is_sound(&k->books) ? 0 : err_set(err, KSNAP_E_ARG, "numbers that cannot be");
}

/* @at: of the record in the batch. */
static struct candidate candidate_at(struct load *l, uint64_t seq, size_t at, size_t record)
{
	return (struct candidate){ .seq = seq,
				   .order = ++l->order,
				   .segment = l->segment,
				   .offset = l->batch->offset + at,
				   .record = record };
}

static int read_snapshot(struct load *l, struct wire_slice record, size_t at, size_t *ret_skip,
			 struct ksnap_err *err)
{
	struct wire_kept_snapshot r;
	struct candidate c;
	struct kept_bridge *k;
	int rc = wire_decode(&wire_shape_kept_snapshot, record.p, record.len, WIRE_SKIP_UNKNOWN,
			     NULL, &r, err);

	if (rc)
		return rc;
	if (r.bytes > l->batch->len - at - record.len)
		return err_set(err, KSNAP_E_ARG, "a report of %llu bytes is cut off",
			       (unsigned long long)r.bytes);
	k = get_bridge(l, r.bridge, err);
	if (!k)
		return err ? err->code : KSNAP_E_NOMEM;
	c = candidate_at(l, r.seq, at, record.len);
	c.report = r.bytes;
	memcpy(c.tag, r.tag.p, r.tag.len);
	*ret_skip = r.bytes;
	return add(&k->snapshots, &c, err);
}

static int read_event(struct load *l, struct wire_slice record, size_t at, struct ksnap_err *err)
{
	struct wire_kept_event r;
	struct candidate c;
	struct kept_bridge *k;
	int rc = wire_decode(&wire_shape_kept_event, record.p, record.len, WIRE_SKIP_UNKNOWN, NULL,
			     &r, err);

	if (rc)
		return rc;
	k = get_bridge(l, r.bridge, err);
	if (!k)
		return err ? err->code : KSNAP_E_NOMEM;
	c = candidate_at(l, r.seq, at, record.len);
	return add(&k->events, &c, err);
}

static int read_record(struct load *l, struct wire_slice record, size_t at, size_t *ret_skip,
		       struct ksnap_err *err)
{
	struct wire_work_kind kind;
	int rc = wire_decode(&wire_shape_work_kind, record.p, record.len, WIRE_SKIP_UNKNOWN, NULL,
			     &kind, err);

	*ret_skip = 0;
	if (rc)
		return rc;
	if (wire_slice_is(kind.k, "head"))
		return read_head(l, record, err);
	if (wire_slice_is(kind.k, "bridge"))
		return read_bridge(l, record, err);
	if (wire_slice_is(kind.k, "snapshot"))
		return read_snapshot(l, record, at, ret_skip, err);
	if (wire_slice_is(kind.k, "event"))
		return read_event(l, record, at, err);
	return err_set(err, KSNAP_E_ARG, "a record of a kind that is not known");
}

static int read_records(struct load *l, struct ksnap_err *err)
{
	const struct segment_batch *b = l->batch;
	size_t at = 0;

	while (at < b->len) {
		struct wire_slice record = { (const char *)b->data + at, 0 };
		size_t skip;
		int rc = scan_object(record.p, b->len - at, &record.len, err);

		rc = rc ? rc : read_record(l, record, at, &skip, err);
		if (rc)
			return rc;
		at += record.len + skip;
	}
	return 0;
}

int state_check_records(const void *data, size_t len, struct ksnap_err *err)
{
	struct segment_batch batch = { .data = data, .len = len };
	struct load l = { .batch = &batch };
	int rc = read_records(&l, err);

	for (size_t i = 0; i < l.n; i++) {
		settle_bridge(&l.bridges[i], l.bridges[i].books.last_seq,
			      l.bridges[i].books.last_event);
		settle_tags(&l.bridges[i].snapshots);
	}
	load_fini(&l);
	return rc;
}

/* ---- files -------------------------------------------------------------------------------------
 */

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int add_segment(struct state_found *f, uint64_t number, struct ksnap_err *err)
{
	uint64_t *more = realloc(f->segments, (f->n + 1) * sizeof(*more));

	if (!more)
		return err_nomem(err);
	f->segments = more;
	f->segments[f->n++] = number;
	return 0;
}

static int list_segments(int folder, const char *path, struct state_found *f, struct ksnap_err *err)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	uint64_t number;

	if (!dir) {
		int errnum = errno;

		cleanup_close(&fd);
		return err_errno(err, file_error_code(errnum), errnum, "cannot list %s", path);
	}
	while (!rc && (e = readdir(dir)))
		if (segment_number(e->d_name, &number))
			rc = add_segment(f, number, err);
	closedir(dir);
	f->sizes = calloc(f->n + 1, sizeof(*f->sizes));
	if (!rc && !f->sizes)
		rc = err_nomem(err);
	if (!rc && f->n)
		qsort(f->segments, f->n, sizeof(*f->segments), by_value);
	return rc;
}

static int tell_damage(const char *path, uint64_t number, uint64_t at, const char *why,
		       struct ksnap_err *err)
{
	char name[SEGMENT_NAME_MAX];

	segment_name(number, name);
	return err_set(err, KSNAP_E_STATE,
		       "%.160s/%s is damaged at byte %llu (%.80s): bring it back from a copy, or "
		       "give up what comes behind it (truncate -s %llu of it, and remove the files "
		       "with higher numbers), or begin with another folder",
		       path, name, (unsigned long long)at, why, (unsigned long long)at);
}

/* What is at @img->at of file @i is no batch. Is that the end, or damage? */
static int judge_bad(int folder, const char *path, struct state_found *f, size_t i,
		     struct segment_image *img, struct ksnap_err *err)
{
	struct segment_at bad = { img->number, img->at };
	bool same_boot = img->same_boot;
	struct segment_batch later;
	int rc = 0;

	f->cut = true;
	f->end = bad;
	f->cut_bytes = img->len - img->at;
	for (;;) {
		while (segment_next_sound(img, &later))
			if (same_boot || segment_before(bad, later.on_disk))
				return tell_damage(path, bad.segment, bad.offset,
						   "sound records follow", err);
		if (++i == f->n)
			return 0;
		segment_image_clear(img);
		rc = segment_read(folder, f->segments[i], img, err);
		if (rc)
			return rc;
		f->cut_bytes += img->len;
		same_boot |= img->same_boot;
	}
}

/* 1: it ends here. */
static int look_through(struct load *l, int folder, const char *path, struct state_found *f,
			size_t i, struct ksnap_err *err)
{
	struct segment_image img;
	struct segment_batch batch;
	enum segment_found found;
	struct ksnap_err why;
	int rc = segment_read(folder, f->segments[i], &img, err);

	if (rc)
		return rc;
	f->sizes[i] = img.len;
	l->segment = img.number;
	while ((found = segment_next(&img, &batch)) == SEGMENT_BATCH && !rc) {
		l->batch = &batch;
		rc = read_records(l, &why);
		if (rc == KSNAP_E_NOMEM)
			rc = err_nomem(err);
		else if (rc)
			rc = tell_damage(path, img.number, batch.offset - BATCH_HEAD, why.text,
					 err);
	}
	if (!rc && found == SEGMENT_BAD) {
		f->sizes[i] = img.at;
		rc = judge_bad(folder, path, f, i, &img, err);
		rc = rc ? rc : 1;
	}
	segment_image_clear(&img);
	return rc;
}

/* ---- bridges -----------------------------------------------------------------------------------
 */

/* The file read last stays open. */
struct files {
	int folder, fd;
	uint64_t number;
};

static int read_at(struct files *f, const struct candidate *c, uint64_t offset, size_t len,
		   void *to, struct ksnap_err *err)
{
	char name[SEGMENT_NAME_MAX];
	size_t at = 0;

	segment_name(c->segment, name);
	if (f->fd < 0 || f->number != c->segment) {
		cleanup_close(&f->fd);
		f->number = c->segment;
		f->fd = openat(f->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	while (f->fd >= 0 && at < len) {
		ssize_t n = pread(f->fd, (char *)to + at, len - at, (off_t)(offset + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	return f->fd >= 0 && at == len
		       ? 0
		       : err_errno(err, KSNAP_E_STATE, errno, "cannot read %s", name);
}

static void free_report(void *data, void *arg)
{
	free(data);
}

static struct ksnap_blob *read_report(struct files *f, const struct candidate *c,
				      struct ksnap_err *err)
{
	_free_ void *data = malloc(c->report ? c->report : 1);
	struct ksnap_blob *blob;

	if (!data) {
		err_nomem(err);
		return NULL;
	}
	if (read_at(f, c, c->offset + c->record, c->report, data, err))
		return NULL;
	blob = ksnap_blob_wrap(data, c->report, free_report, NULL);
	if (!blob)
		err_nomem(err);
	else
		data = NULL;
	return blob;
}

/* Read the record of @c again, into @to. */
static int read_again(struct files *f, const struct candidate *c, const struct wire_shape *shape,
		      struct buf *to, void *ret, struct ksnap_err *err)
{
	void *room;
	int rc;

	buf_clear(to);
	room = buf_reserve(to, c->record);
	if (!room)
		return err_nomem(err);
	rc = read_at(f, c, c->offset, c->record, room, err);
	return rc ? rc : wire_decode(shape, room, c->record, WIRE_SKIP_UNKNOWN, NULL, ret, err);
}

static int revive_snapshots(struct files *f, const struct candidates *all, struct hosted *h,
			    struct ksnap_err *err)
{
	_buf_ struct buf record = BUF_INIT;
	struct wire_kept_snapshot r;

	for (size_t i = 0; i < all->n; i++) {
		const struct candidate *c = &all->list[i];
		_blob_ struct ksnap_blob *report = NULL;
		struct store_node *node, *left = NULL;
		int rc = read_again(f, c, &wire_shape_kept_snapshot, &record, &r, err);

		report = rc ? NULL : read_report(f, c, err);
		if (!report)
			return rc ? rc : KSNAP_E_STATE;
		node = record_node(&r, report);
		if (!node)
			return err_nomem(err);
		node->kept = (struct kept){ c->segment, c->record + c->report };
		store_revive(bridge_store(h->core), node, &left);
		store_nodes_free(left);
	}
	return 0;
}

static int revive_events(struct files *f, const struct candidates *all, struct hosted *h,
			 struct ksnap_err *err)
{
	_buf_ struct buf record = BUF_INIT;
	struct wire_kept_event r;
	struct event_node *node;

	for (size_t i = 0; i < all->n; i++) {
		const struct candidate *c = &all->list[i];
		int rc = read_again(f, c, &wire_shape_kept_event, &record, &r, err);

		rc = rc ? rc : record_revive_event(&r, bridge_events(h->core), &node, err);
		if (rc)
			return rc;
		node->kept = (struct kept){ c->segment, c->record };
	}
	return 0;
}

static int check_counts(const char *path, struct kept_bridge *k, struct ksnap_err *err)
{
	settle_bridge(k, k->books.last_seq, k->books.last_event);
	settle_tags(&k->snapshots);
	if ((!k->counts_stored || k->books.stored == k->snapshots.n) &&
	    (!k->counts_events || k->books.events_kept == k->events.n)) {
		k->books.stored = k->snapshots.n;
		k->books.events_kept = k->events.n;
		return 0;
	}
	return err_set(
		err, KSNAP_E_STATE,
		"%.160s has %zu snapshots and %zu events of bridge %.64s, there were %llu and "
		"%llu: a file is missing; bring it back, or begin with another folder",
		path, k->snapshots.n, k->events.n, k->name, (unsigned long long)k->books.stored,
		(unsigned long long)k->books.events_kept);
}

static int revive(struct broker *b, struct files *f, struct kept_bridge *k, struct ksnap_err *err)
{
	struct hosted *h = bridges_revive(b->bridges, wire_slice_of(k->name), &k->asked, err);
	int rc;

	if (!h)
		return err ? err->code : KSNAP_E_NOMEM;
	h->kept.id = k->id;
	bridge_revive(h->core, &k->books);
	rc = revive_events(f, &k->events, h, err);
	rc = rc ? rc : revive_snapshots(f, &k->snapshots, h, err);
	/* Counts are of what was read, before lower limits took some. */
	h->kept.books = k->books;
	h->kept.written = true;
	h->kept.counted = k->counts_stored && k->counts_events;
	return rc;
}

static int revive_all(struct broker *b, int folder, const char *path, struct load *l,
		      struct ksnap_err *err)
{
	struct files files = { .folder = folder, .fd = -1 };
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < l->n && !rc; i++) {
		if (l->bridges[i].confirmed)
			rc = check_counts(path, &l->bridges[i], err);
		n += l->bridges[i].confirmed;
	}
	rc = rc ? rc : bridges_check_kept(b->bridges, path, n, err);
	for (size_t i = 0; i < l->n && !rc; i++)
		if (l->bridges[i].confirmed)
			rc = revive(b, &files, &l->bridges[i], err);
	cleanup_close(&files.fd);
	return rc;
}

int state_load(struct broker *b, int folder, const char *path, struct state_found *ret,
	       struct ksnap_err *err)
{
	struct load l = { 0 };
	int rc;

	*ret = (struct state_found){ 0 };
	rc = list_segments(folder, path, ret, err);
	for (size_t i = 0; i < ret->n && !rc; i++)
		rc = look_through(&l, folder, path, ret, i, err);
	rc = rc > 0 ? 0 : rc;
	if (!rc)
		rc = revive_all(b, folder, path, &l, err);
	ret->last_bridge = l.last_id;
	load_fini(&l);
	if (rc)
		state_found_clear(ret);
	return rc;
}

void state_found_clear(struct state_found *f)
{
	free(f->segments);
	free(f->sizes);
	*f = (struct state_found){ 0 };
}
