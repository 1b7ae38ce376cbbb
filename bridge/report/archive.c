// SPDX-License-Identifier: MIT
/* archive.c - read files with snapshots. */
#include "report/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/replace.h"
#include "report/builder.h"
#include "report/reader.h"
#include "wire/pack.h"
#include "wire/report_head.h"
#include "wire/scan.h"

#define FIRST_READ \
	4096 /* bytes that are read for an item at first; four times as many, and so on */

/* One snapshot. */
struct kept {
	uint64_t head, head_len; /* its row, as an item; 0, 0: there is none */
	uint64_t at, len;        /* the report */
	char tag[KSNAP_TAG_MAX + 1];
};

struct archive {
	char *path;
	int fd;
	uint64_t size;
	struct kept *kept;
	size_t n;
	uint64_t end, end_len; /* the last item of a collection */
};

/* ---- bytes --------------------------------------------------------------------------------- */

/* All @len bytes at @at, appended. */
static int read_at(struct archive *a, uint64_t at, uint64_t len, struct buf *out,
		   struct ksnap_err *err)
{
	uint8_t *p = buf_reserve(out, len ? len : 1);

	if (!p)
		return err_nomem(err);
	for (uint64_t done = 0; done < len;) {
		ssize_t n = pread(a->fd, p + done, len - done, at + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, file_error_code(errno), errno, "cannot read %s",
					 a->path);
		if (n == 0)
			return err_set(err, KSNAP_E_PROTO, "%s became shorter while it was read",
				       a->path);
		done += n;
	}
	buf_commit(out, len);
	return 0;
}

static int refuse_cut(const struct archive *a, uint64_t at, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_PROTO,
		       "%s is cut off or damaged: %zu snapshots are whole, at byte %" PRIu64
		       " of %" PRIu64 " another item is expected",
		       a->path, a->n, at, a->size);
}

/* The item at @at, in @out alone. */
static int read_item(struct archive *a, uint64_t at, struct buf *out, size_t *ret_len,
		     struct ksnap_err *err)
{
	for (uint64_t want = FIRST_READ;; want *= 4) {
		uint64_t len = a->size - at < want ? a->size - at : want;
		int rc;

		buf_clear(out);
		rc = read_at(a, at, len, out, err);
		if (rc)
			return rc;
		if (!scan_object(out->data, out->len, ret_len, NULL))
			return 0;
		if (len < want || want >= ARCHIVE_ITEM)
			return refuse_cut(a, at, err);
	}
}

/* ---- items --------------------------------------------------------------------------------- */

static bool is_str(const msgpack_object *o, const char *word)
{
	return o && o->type == MSGPACK_OBJECT_STR && o->via.str.size == strlen(word) &&
	       !memcmp(o->via.str.ptr, word, o->via.str.size);
}

static int unpack(const struct buf *b, size_t len, msgpack_unpacked *ret)
{
	msgpack_unpacked_init(ret);
	if (msgpack_unpack_next(ret, (const char *)b->data, len, NULL) < MSGPACK_UNPACK_SUCCESS ||
	    ret->data.type != MSGPACK_OBJECT_MAP) {
		msgpack_unpacked_destroy(ret);
		return -1;
	}
	return 0;
}

static struct kept *add_kept(struct archive *a)
{
	struct kept *more = a->kept;

	if ((a->n & (a->n - 1)) == 0) {
		more = realloc(a->kept, (a->n ? 2 * a->n : 1) * sizeof(*more));
		if (!more)
			return NULL;
		a->kept = more;
	}
	return memset(&more[a->n], 0, sizeof(*more));
}

static int index_row(struct archive *a, const msgpack_object *row, uint64_t at, size_t len,
		     struct ksnap_err *err)
{
	const msgpack_object *tag = object_get(row, "tag"), *bytes = object_get(row, "bytes");
	struct kept *k;

	if (!tag || tag->type != MSGPACK_OBJECT_STR || tag->via.str.size > KSNAP_TAG_MAX ||
	    !bytes || bytes->type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
	    bytes->via.u64 > a->size - at - len)
		return refuse_cut(a, at, err);
	k = add_kept(a);
	if (!k)
		return err_nomem(err);
	k->head = at;
	k->head_len = len;
	k->at = at + len;
	k->len = bytes->via.u64;
	memcpy(k->tag, tag->via.str.ptr, tag->via.str.size);
	a->n++;
	return 0;
}

/* The item at *at; *at is then behind it and its report. */
static int index_item(struct archive *a, uint64_t *at, struct ksnap_err *err)
{
	_buf_ struct buf item = BUF_INIT;
	msgpack_unpacked u;
	size_t len;
	int rc = read_item(a, *at, &item, &len, err);

	if (rc)
		return rc;
	if (unpack(&item, len, &u) < 0)
		return refuse_cut(a, *at, err);
	if (is_str(object_get(&u.data, "k"), "snapshot")) {
		rc = index_row(a, &u.data, *at, len, err);
		*at += rc ? 0 : len + a->kept[a->n - 1].len;
	} else if (is_str(object_get(&u.data, "k"), "end")) {
		a->end = *at;
		a->end_len = len;
		*at += len;
	} else {
		rc = refuse_cut(a, *at, err);
	}
	msgpack_unpacked_destroy(&u);
	return rc;
}

static int index_collection(struct archive *a, uint64_t at, struct ksnap_err *err)
{
	int rc = 0;

	while (!rc && !a->end_len)
		rc = at < a->size ? index_item(a, &at, err) : refuse_cut(a, at, err);
	if (!rc && at < a->size)
		rc = err_set(err, KSNAP_E_PROTO, "%s: %" PRIu64 " bytes follow its last item",
			     a->path, a->size - at);
	return rc;
}

/* ---- opening ------------------------------------------------------------------------------- */

static int refuse_foreign(const struct archive *a, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_PROTO,
		       "%s is no file of ksnap: it begins neither as a report (%s) nor as a "
		       "collection of them (%s)",
		       a->path, REPORT_SCHEMA, ARCHIVE_SCHEMA);
}

static int index_report(struct archive *a, struct ksnap_err *err)
{
	struct kept *k = add_kept(a);

	if (!k)
		return err_nomem(err);
	k->len = a->size;
	a->n = 1;
	return 0;
}

static int index_all(struct archive *a, struct ksnap_err *err)
{
	uint64_t first = a->size < FIRST_READ ? a->size : FIRST_READ;
	_buf_ struct buf head = BUF_INIT;
	struct report_head report;
	msgpack_unpacked u;
	size_t len;
	int rc = read_at(a, 0, first, &head, err);

	if (rc)
		return rc;
	if (!report_head_read(head.data, head.len, &report, NULL))
		return index_report(a, err);
	if (scan_object(head.data, head.len, &len, NULL) || unpack(&head, len, &u) < 0)
		return refuse_foreign(a, err);
	if (is_str(object_get(&u.data, "schema"), ARCHIVE_SCHEMA))
		rc = index_collection(a, len, err);
	else
		rc = refuse_foreign(a, err);
	msgpack_unpacked_destroy(&u);
	return rc;
}

static int open_file(struct archive *a, struct ksnap_err *err)
{
	struct stat st;

	a->fd = open(a->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (a->fd < 0 || fstat(a->fd, &st) < 0)
		return err_errno(err, file_error_code(errno), errno, "cannot open %s", a->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, KSNAP_E_ARG, "%s is %s, not a file", a->path,
			       S_ISDIR(st.st_mode) ? "a folder" : "a device, a pipe or a socket");
	if (!st.st_size)
		return err_set(err, KSNAP_E_PROTO, "%s is empty", a->path);
	a->size = st.st_size;
	return index_all(a, err);
}

struct archive *archive_open(const char *path, struct ksnap_err *err)
{
	struct archive *a = calloc(1, sizeof(*a));

	if (a) {
		a->fd = -1;
		a->path = strdup(path);
	}
	if (!a || !a->path) {
		err_nomem(err);
		archive_close(a);
		return NULL;
	}
	if (!open_file(a, err))
		return a;
	archive_close(a);
	return NULL;
}

void archive_close(struct archive *a)
{
	int saved = errno;

	if (!a)
		return;
	if (a->fd >= 0)
		close(a->fd);
	free(a->kept);
	free(a->path);
	free(a);
	errno = saved;
}

/* ---- what is in it ------------------------------------------------------------------------- */

size_t archive_count(const struct archive *a)
{
	return a->n;
}

static int load(struct archive *a, const struct kept *k, struct ksnap_blob **ret,
		struct ksnap_err *err)
{
	_buf_ struct buf bytes = BUF_INIT;
	struct ksnap_blob *blob;
	int rc = read_at(a, k->at, k->len, &bytes, err);

	if (!rc && scan_whole(bytes.data, bytes.len, err))
		rc = err ? err_prefix(err, "%s is cut off or damaged", a->path) : KSNAP_E_PROTO;
	if (rc)
		return rc;
	blob = buf_take_blob(&bytes);
	if (!blob)
		return err_nomem(err);
	*ret = blob;
	return 0;
}

static int miss_tag(const struct archive *a, const char *tag, struct ksnap_err *err)
{
	char tags[256] = "";
	size_t len = 0, i;

	for (i = 0; i < a->n && len + KSNAP_TAG_MAX + 8 < sizeof(tags); i++)
		len += snprintf(tags + len, sizeof(tags) - len, "%s%s", i ? ", " : "",
				a->kept[i].tag);
	snprintf(tags + len, sizeof(tags) - len, "%s", i < a->n ? ", ..." : a->n ? "" : "none");
	if (tag)
		return err_set(err, KSNAP_E_NOTFOUND, "%s has no snapshot '%s'; it has: %s",
			       a->path, tag, tags);
	return err_set(err, a->n ? KSNAP_E_ARG : KSNAP_E_NOTFOUND,
		       "%s holds %zu snapshots: name one, as FILE%s:TAG; it has: %s", a->path, a->n,
		       ARCHIVE_SUFFIX, tags);
}

/* A report alone knows its tag only inside. */
static int check_tag(struct archive *a, const char *tag, struct ksnap_blob *report,
		     struct ksnap_err *err)
{
	struct ksnap_snapshot *s = ksnap_snapshot_open(report, err);
	int rc = 0;

	if (!s)
		return err ? err->code : KSNAP_E_PROTO;
	if (strcmp(ksnap_snapshot_tag(s), tag) != 0)
		rc = err_set(err, KSNAP_E_NOTFOUND, "%s has no snapshot '%s'; it has: %s", a->path,
			     tag, ksnap_snapshot_tag(s));
	ksnap_snapshot_close(s);
	return rc;
}

int archive_load(struct archive *a, const char *tag, struct ksnap_blob **ret, struct ksnap_err *err)
{
	struct ksnap_blob *blob;
	size_t i = a->n;
	int rc;

	if (!tag && a->n == 1)
		return load(a, &a->kept[0], ret, err);
	if (tag && a->n == 1 && !a->kept[0].head_len) {
		rc = load(a, &a->kept[0], &blob, err);
		if (rc)
			return rc;
		rc = check_tag(a, tag, blob, err);
		if (rc)
			ksnap_blob_unref(blob);
		else
			*ret = blob;
		return rc;
	}
	while (tag && i > 0 && strcmp(a->kept[i - 1].tag, tag) != 0)
		i--;
	return tag && i ? load(a, &a->kept[i - 1], ret, err) : miss_tag(a, tag, err);
}

struct ksnap_snapshot *ksnap_snapshot_load(const char *path, const char *tag, struct ksnap_err *err)
{
	struct archive *a = archive_open(path, err);
	struct ksnap_snapshot *s = NULL;
	struct ksnap_blob *blob;

	if (a && !archive_load(a, tag, &blob, err)) {
		s = ksnap_snapshot_open(blob, err);
		ksnap_blob_unref(blob);
		if (!s && err)
			err_prefix(err, "%s", path);
	}
	archive_close(a);
	return s;
}

/* ---- rows and events ----------------------------------------------------------------------- */

/* The pairs of the item without its first, which is `k`. */
static int put_pairs(struct archive *a, const struct kept *k, struct buf *out,
		     struct ksnap_err *err)
{
	_buf_ struct buf item = BUF_INIT;
	struct scan_head head;
	msgpack_packer pk;
	size_t at, used;
	int rc = read_at(a, k->head, k->head_len, &item, err);

	if (rc)
		return rc;
	if (scan_head(item.data, item.len, &head) || head.items < 2)
		return refuse_cut(a, k->head, err);
	at = head.size;
	for (unsigned i = 0; i < 2; i++) {
		if (scan_object(item.data + at, item.len - at, &used, NULL))
			return refuse_cut(a, k->head, err);
		at += used;
	}
	pack_init(&pk, out);
	msgpack_pack_map(&pk, head.items / 2 - 1);
	return buf_append(out, item.data + at, item.len - at) ? err_nomem(err) : 0;
}

static int put_report(struct archive *a, struct buf *out, struct ksnap_err *err)
{
	struct ksnap_blob *blob;
	struct ksnap_snapshot *s;
	const msgpack_object *ts;
	msgpack_packer pk;
	int rc = load(a, &a->kept[0], &blob, err);

	if (rc)
		return rc;
	s = ksnap_snapshot_open(blob, err);
	ksnap_blob_unref(blob);
	if (!s)
		return err ? err->code : KSNAP_E_PROTO;
	ts = object_get(snapshot_root(s), "ts");
	pack_init(&pk, out);
	msgpack_pack_map(&pk, 5);
	pack_str(&pk, "tag");
	pack_str(&pk, ksnap_snapshot_tag(s));
	pack_str(&pk, "bytes");
	msgpack_pack_uint64(&pk, a->size);
	pack_str(&pk, "ts");
	msgpack_pack_int64(&pk,
			   ts && ts->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? ts->via.i64 : 0);
	pack_str(&pk, "complete");
	pack_bool(&pk, ksnap_snapshot_complete(s));
	pack_str(&pk, "placeholder");
	pack_bool(&pk, ksnap_snapshot_placeholder(s) != NULL);
	ksnap_snapshot_close(s);
	return 0;
}

int archive_rows(struct archive *a, struct buf *out, struct ksnap_err *err)
{
	msgpack_packer pk;
	int rc = 0;

	pack_init(&pk, out);
	msgpack_pack_array(&pk, a->n);
	for (size_t i = 0; !rc && i < a->n; i++)
		rc = a->kept[i].head_len ? put_pairs(a, &a->kept[i], out, err)
					 : put_report(a, out, err);
	return rc || buf_ok(out) ? rc : err_nomem(err);
}

int archive_events(struct archive *a, struct buf *out, struct ksnap_err *err)
{
	_buf_ struct buf item = BUF_INIT;
	const msgpack_object *events;
	msgpack_unpacked u;
	msgpack_packer pk;
	int rc = read_at(a, a->end, a->end_len, &item, err);

	if (rc)
		return rc;
	if (!a->end_len || unpack(&item, item.len, &u) < 0)
		return err_set(err, KSNAP_E_NOTFOUND, "%s is a report alone, without events",
			       a->path);
	events = object_get(&u.data, "events");
	pack_init(&pk, out);
	if (!events || events->type != MSGPACK_OBJECT_ARRAY)
		rc = err_set(err, KSNAP_E_NOTFOUND,
			     "no events were kept in %s; drain --events does", a->path);
	else if (msgpack_pack_object(&pk, *events))
		rc = err_nomem(err);
	msgpack_unpacked_destroy(&u);
	return rc;
}
