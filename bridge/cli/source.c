// SPDX-License-Identifier: MIT
/* source.c - a snapshot by the name a user gives it, from the broker or from a file. */
#include "cli/source.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "report/archive.h"

int source_check(const char *name, struct ksnap_err *err)
{
	struct snapshot_name n;
	int rc;

	snapshot_name_read(name, &n);
	if (n.is_file)
		return 0;
	rc = ksnap_tag_check(n.tag, strlen(n.tag), err);
	return rc ? err_prefix(err, "tag") : 0;
}

bool source_is_file(const char *name)
{
	struct snapshot_name n;

	snapshot_name_read(name, &n);
	return n.is_file && !n.tag;
}

static int from_file(const char *name, const struct snapshot_name *n, struct ksnap_blob **ret,
		     struct ksnap_err *err)
{
	_free_ char *path = strndup(name, n->len);
	struct archive *a;
	int rc;

	if (!path)
		return err_nomem(err);
	a = archive_open(path, err);
	if (!a)
		return err->code;
	rc = archive_load(a, n->tag, ret, err);
	archive_close(a);
	return rc;
}

static int from_broker(struct source *s, const char *tag, struct ksnap_blob **ret,
		       struct ksnap_err *err)
{
	struct ksnap_reply reply = { 0 };
	_params_ struct params p;
	int rc = 0;

	params_init(&p);
	params_str(&p, "tag", tag);
	if (!s->is_open)
		rc = link_open(&s->link, s->cli, "tool", NULL, err);
	s->is_open = true;
	if (rc == 0)
		rc = link_call(&s->link, "get", &p, &reply, err);
	if (rc >= 0 && reply.nblobs != 1)
		rc = err_set(err, KSNAP_E_PROTO, "the broker sent no report with the reply");
	if (rc >= 0)
		*ret = ksnap_blob_ref(reply.blobs[0]);
	ksnap_reply_clear(&reply);
	return rc < 0 ? rc : 0;
}

int source_report(struct source *s, const char *name, struct ksnap_blob **ret,
		  struct ksnap_err *err)
{
	struct snapshot_name n;

	snapshot_name_read(name, &n);
	return n.is_file ? from_file(name, &n, ret, err) : from_broker(s, n.tag, ret, err);
}

void source_close(struct source *s)
{
	if (s->is_open)
		link_close(&s->link);
	s->is_open = false;
}

int source_list(const char *path,
		int (*list)(struct archive *a, struct buf *out, struct ksnap_err *err),
		struct buf *out, struct ksnap_err *err)
{
	struct archive *a = archive_open(path, err);
	int rc;

	if (!a)
		return err->code;
	rc = list(a, out, err);
	archive_close(a);
	return rc;
}
