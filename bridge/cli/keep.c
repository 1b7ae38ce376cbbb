// SPDX-License-Identifier: MIT
/* keep.c - copy what is stored into files, then take it from the store. */
#include "cli/keep.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/replace.h"
#include "cli/print.h"
#include "report/archive.h"

#define ARRAY32      0xdd
#define ARRAY32_HEAD 5
#define COPY_BYTES   65536

struct keep {
	struct link *link;
	const char *to;
	bool is_folder, with_events;
	struct replacement file; /* not a folder: the one that is being written */
	struct buf item;         /* the head of an item */
	struct buf events;
	uint64_t body;   /* bytes of the file before its last item */
	struct buf seqs; /* uint64_t each: what was kept */
	size_t next;     /* of them, to be looked at */
	struct kept_totals *totals;
};

/* ---- one snapshot -------------------------------------------------------------------------- */

static int write_file(const struct keep *k, const char *tag, struct ksnap_blob *report,
		      struct ksnap_err *err)
{
	_replacement_ struct replacement file = REPLACEMENT_INIT;
	char name[ARCHIVE_NAME_MAX];
	_free_ char *path = NULL;
	int r;

	archive_name(tag, name);
	if (asprintf(&path, "%s/%s", k->to, name) < 0)
		return err_nomem(err);
	r = replace_begin(&file, path, err);
	if (r == 0)
		r = replace_write(&file, ksnap_blob_data(report), ksnap_blob_size(report), err);
	return r == 0 ? replace_commit(&file, err) : r;
}

static int write_item(struct keep *k, const struct ksnap_reply *part, struct ksnap_err *err)
{
	int r;

	buf_clear(&k->item);
	if (archive_put_row(&k->item, part->r, part->r_len) < 0)
		return err_nomem(err);
	r = replace_write(&k->file, k->item.data, k->item.len, err);
	if (r == 0)
		r = replace_write(&k->file, ksnap_blob_data(part->blobs[0]),
				  ksnap_blob_size(part->blobs[0]), err);
	return r;
}

static int keep_one(struct keep *k, const struct ksnap_reply *part, const msgpack_object *row,
		    struct ksnap_err *err)
{
	msgpack_object_str str = field_str(row, "tag");
	uint64_t seq = field_uint(row, "seq", 0);
	char tag[KSNAP_TAG_MAX + 1] = "";
	int r;

	if (part->nblobs != 1 || !str.size || str.size > KSNAP_TAG_MAX)
		return err_set(err, KSNAP_E_PROTO, "the broker sent a part without its report");
	memcpy(tag, str.ptr, str.size);
	r = k->is_folder ? write_file(k, tag, part->blobs[0], err) : write_item(k, part, err);
	if (r < 0)
		return r;
	buf_append(&k->seqs, &seq, sizeof(seq));
	buf_append(&k->totals->rows, part->r, part->r_len);
	k->totals->count++;
	k->totals->bytes += ksnap_blob_size(part->blobs[0]);
	return buf_ok(&k->seqs) && buf_ok(&k->totals->rows) ? 0 : err_nomem(err);
}

static int copy_tag(struct keep *k, msgpack_object_str tag, struct ksnap_err *err)
{
	_free_ char *name = strndup(tag.ptr, tag.size);
	struct ksnap_reply reply = { 0 };
	msgpack_unpacked u;
	_params_ struct params p;
	int r;

	params_init(&p);
	params_str(&p, "tag", name ? name : "");
	r = link_call(k->link, "get", &p, &reply, err);
	if (r >= 0)
		r = object_decode(&u, reply.r, reply.r_len, err);
	if (r >= 0) {
		r = keep_one(k, &reply, &u.data, err);
		msgpack_unpacked_destroy(&u);
	}
	ksnap_reply_clear(&reply);
	return r == KSNAP_E_NOTFOUND ? 0 : r; /* it left meanwhile, by the bridge's own rules */
}

static int copy_all(struct keep *k, struct ksnap_err *err)
{
	struct ksnap_reply reply = { 0 };
	msgpack_unpacked u;
	int r = link_call(k->link, "list", NULL, &reply, err);

	if (r >= 0)
		r = object_decode(&u, reply.r, reply.r_len, err);
	if (r >= 0) {
		for (uint32_t i = 0;
		     r >= 0 && u.data.type == MSGPACK_OBJECT_ARRAY && i < u.data.via.array.size;
		     i++)
			r = copy_tag(k, field_str(&u.data.via.array.ptr[i], "tag"), err);
		msgpack_unpacked_destroy(&u);
	}
	ksnap_reply_clear(&reply);
	return r;
}

/* ---- the one file -------------------------------------------------------------------------- */

static int begin_file(struct keep *k, struct ksnap_err *err)
{
	int r = replace_begin(&k->file, k->to, err);

	if (r < 0)
		return r;
	buf_clear(&k->item);
	if (archive_put_head(&k->item, k->link->cli->bridge ? k->link->cli->bridge : "default") < 0)
		return err_nomem(err);
	return replace_write(&k->file, k->item.data, k->item.len, err);
}

static int take_events(struct keep *k, struct ksnap_err *err)
{
	struct ksnap_reply reply = { 0 };
	int r = link_call(k->link, "drain_events", NULL, &reply, err);

	if (r >= 0)
		r = buf_append(&k->events, reply.r, reply.r_len) ? err_nomem(err) : 0;
	ksnap_reply_clear(&reply);
	return r;
}

static int end_file(struct keep *k, struct ksnap_err *err)
{
	const void *events = k->with_events ? k->events.data : NULL;
	int r;

	buf_clear(&k->item);
	if (archive_put_end(&k->item, k->totals->count, k->totals->bytes, events, k->events.len) <
	    0)
		return err_nomem(err);
	k->body = k->file.written;
	r = replace_write(&k->file, k->item.data, k->item.len, err);
	return r == 0 ? replace_commit(&k->file, err) : r;
}

/* Write the file anew up to its last item, to go on behind that. */
static int reopen_file(struct keep *k, struct ksnap_err *err)
{
	_close_ int old = open(k->to, O_RDONLY | O_CLOEXEC);
	char block[COPY_BYTES];
	int r = replace_begin(&k->file, k->to, err);

	while (r == 0 && k->file.written < k->body) {
		uint64_t left = k->body - k->file.written;
		ssize_t n = read(old, block, left < sizeof(block) ? left : sizeof(block));

		if (n <= 0)
			return err_errno(err, KSNAP_E_TARGET, n ? errno : EIO, "cannot read %s",
					 k->to);
		r = replace_write(&k->file, block, n, err);
	}
	return r;
}

/* ---- taking from the store ----------------------------------------------------------------- */

/* Both orders are mostly the same, so the search goes on where the last one ended. */
static bool was_kept(struct keep *k, uint64_t seq)
{
	size_t n = k->seqs.len / sizeof(seq);

	for (size_t i = 0; i < n; i++, k->next++) {
		uint64_t one;

		k->next %= n;
		memcpy(&one, k->seqs.data + k->next * sizeof(one), sizeof(one));
		if (one == seq)
			return true;
	}
	return false;
}

/* A part of the drain; what was stored after the copy is kept now. */
static int take_part(struct keep *k, const struct ksnap_reply *part, struct ksnap_err *err)
{
	msgpack_unpacked u;
	int r = object_decode(&u, part->r, part->r_len, err);

	if (r < 0)
		return r;
	if (!was_kept(k, field_uint(&u.data, "seq", 0))) {
		if (!k->is_folder && k->file.fd < 0)
			r = reopen_file(k, err);
		if (r == 0)
			r = keep_one(k, part, &u.data, err);
		if (r < 0)
			err_prefix(err, "'%.*s', stored meanwhile, is lost",
				   (int)field_str(&u.data, "tag").size,
				   field_str(&u.data, "tag").ptr);
	}
	msgpack_unpacked_destroy(&u);
	return r;
}

static int take_all(struct keep *k, struct ksnap_err *err)
{
	struct ksnap_reply part = { 0 };
	int r = link_call(k->link, "drain", NULL, &part, err);

	while (r >= 0 && part.more) {
		r = take_part(k, &part, err);
		ksnap_reply_clear(&part);
		part = (struct ksnap_reply){ 0 };
		if (r >= 0)
			r = ksnap_client_next(k->link->client, &part, err);
	}
	ksnap_reply_clear(&part);
	if (r >= 0 && k->file.fd >= 0)
		r = end_file(k, err);
	return r;
}

/* ---- all ----------------------------------------------------------------------------------- */

static int look_at(struct keep *k, struct ksnap_err *err)
{
	size_t len = strlen(k->to);
	struct stat st;

	if (!len)
		return err_set(err, KSNAP_E_ARG, "--to needs the name of a file or a folder");
	if (k->to[len - 1] == '/' && mkdir(k->to, 0700) < 0 && errno != EEXIST)
		return err_errno(err, file_error_code(errno), errno, "cannot make the folder %s",
				 k->to);
	k->is_folder = stat(k->to, &st) == 0 && S_ISDIR(st.st_mode);
	if (k->is_folder && k->with_events)
		return err_set(err, KSNAP_E_ARG,
			       "--events needs a file; %s is a folder of reports alone", k->to);
	return 0;
}

static int copy_and_take(struct keep *k, struct ksnap_err *err)
{
	int r = k->is_folder ? 0 : begin_file(k, err);

	if (r == 0)
		r = copy_all(k, err);
	if (r == 0 && k->with_events)
		r = take_events(k, err);
	if (r == 0 && !k->is_folder)
		r = end_file(k, err);
	if (r < 0)
		return err_prefix(err, "nothing was drained");
	return take_all(k, err);
}

int keep_all(struct link *l, const char *to, bool with_events, struct kept_totals *ret,
	     struct ksnap_err *err)
{
	struct keep k = { .link = l, .to = to, .with_events = with_events, .totals = ret };
	const uint8_t head[ARRAY32_HEAD] = { ARRAY32 };
	uint32_t n;
	int r;

	k.file = REPLACEMENT_INIT;
	*ret = (struct kept_totals){ .rows = BUF_INIT };
	buf_append(&ret->rows, head, sizeof(head));
	r = look_at(&k, err);
	if (r == 0)
		r = copy_and_take(&k, err);
	n = htobe32(ret->count);
	if (buf_ok(&ret->rows))
		memcpy(ret->rows.data + 1, &n, sizeof(n));
	replace_abandon(&k.file);
	buf_fini(&k.item);
	buf_fini(&k.events);
	buf_fini(&k.seqs);
	return r;
}
