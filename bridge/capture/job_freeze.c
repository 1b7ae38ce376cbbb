// SPDX-License-Identifier: MIT
/* job_freeze.c - what the broker tells beside an op's params becomes the target's request. */
#include "capture/job_freeze.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "wire/shapes.h"

static void release_arena(struct wire_arena *a)
{
	wire_arena_fini(a);
}

#define _arena_ __attribute__((cleanup(release_arena)))

/* A freeze_request with the memory it points into. */
struct freezing {
	struct freeze_request rq;
	struct spared *spared;
	char *text; /* of cgroup, by and who */
};

static void freezing_fini(struct freezing *f)
{
	free(f->spared);
	free(f->text);
}

#define _freezing_ __attribute__((cleanup(freezing_fini)))

static char *put(char **at, struct wire_slice s)
{
	char *text = memcpy(*at, s.p, s.len);

	text[s.len] = 0;
	*at += s.len + 1;
	return text;
}

static int copy(struct freezing *f, struct wire_slice cgroup, const struct wire_freezing *w,
		struct ksnap_err *err)
{
	const struct wire_spared *rows = w->spared.items;
	/* Process ids of another host name nobody here. */
	size_t n = job_is_own_host(w->host) ? w->spared.n : 0, bytes = cgroup.len + w->by.len + 2;
	char *at;

	for (size_t i = 0; i < n; i++)
		bytes += rows[i].who.len + 1;
	f->spared = calloc(n + 1, sizeof(*f->spared));
	f->text = at = malloc(bytes);
	if (!f->spared || !at)
		return err_nomem(err);
	f->rq.cgroup = put(&at, cgroup);
	f->rq.by = put(&at, w->by);
	for (size_t i = 0; i < n; i++)
		f->spared[i] = (struct spared){ rows[i].pid, put(&at, rows[i].who) };
	f->rq.spared = f->spared;
	f->rq.nspared = n;
	return 0;
}

static int read_freezing(const struct job *job, struct wire_slice cgroup, struct freezing *ret,
			 struct ksnap_err *err)
{
	_arena_ struct wire_arena arena = { 0 };
	struct wire_freezing w;
	int code = wire_decode(&wire_shape_freezing, job->params.p, job->params.len,
			       WIRE_SKIP_UNKNOWN, &arena, &w, err);

	if (!code && memchr(cgroup.p, 0, cgroup.len))
		code = err_set(err, KSNAP_E_ARG, "cgroup: a path has no NUL in it");
	if (code)
		return code;
	ret->rq.deadline_mono_ns = job->deadline_mono_ns;
	return copy(ret, cgroup, &w, err);
}

static int check_slots(const struct bench *b, const char *what, struct ksnap_err *err)
{
	if (b->ops->freeze && b->ops->thaw)
		return 0;
	return err_set(err, KSNAP_E_UNSUPPORTED, "target %s cannot %s a cgroup: %s", b->ops->kind,
		       what, b->ops->why_not ? b->ops->why_not : "no such function");
}

int job_freeze(struct bench *b, const struct job *job, struct job_result *res,
	       struct ksnap_err *err)
{
	_freezing_ struct freezing f = { 0 };
	struct wire_freeze_params p;
	struct wire_freeze_reply out;
	char path[FREEZE_PATH_MAX];
	int ret = check_slots(b, "freeze", err);

	if (!ret)
		ret = wire_decode(&wire_shape_freeze_params, job->params.p, job->params.len,
				  WIRE_SKIP_UNKNOWN, NULL, &p, err);
	if (!ret)
		ret = read_freezing(job, p.cgroup, &f, err);
	if (!ret)
		ret = b->ops->freeze(b->target, &f.rq, path, err);
	if (ret)
		return ret;
	out.cgroup = wire_slice_of(path);
	return wire_encode(&wire_shape_freeze_reply, &out, &res->r) ? err_nomem(err) : 0;
}

int job_thaw(struct bench *b, const struct job *job, struct job_result *res, struct ksnap_err *err)
{
	struct wire_thaw_params p;
	struct wire_thaw_reply out;
	char above[FREEZE_PATH_MAX] = "";
	_free_ char *cgroup = NULL;
	int ret = check_slots(b, "thaw", err);

	if (!ret)
		ret = wire_decode(&wire_shape_thaw_params, job->params.p, job->params.len,
				  WIRE_SKIP_UNKNOWN, NULL, &p, err);
	if (ret)
		return ret;
	cgroup = strndup(p.cgroup.p, p.cgroup.len);
	if (!cgroup)
		return err_nomem(err);
	ret = b->ops->thaw(b->target, cgroup, above, err);
	if (ret)
		return ret;
	out = (struct wire_thaw_reply){ .has_above = above[0] != 0, .above = wire_slice_of(above) };
	return wire_encode(&wire_shape_thaw_reply, &out, &res->r) ? err_nomem(err) : 0;
}

int standstill_begin(struct bench *b, const struct job *job, struct wire_slice cgroup,
		     struct standstill *ret, struct ksnap_err *err)
{
	_freezing_ struct freezing f = { 0 };
	int code = check_slots(b, "freeze", err);

	*ret = (struct standstill){ .bench = b };
	if (!code)
		code = read_freezing(job, cgroup, &f, err);
	f.rq.shared = true;
	if (!code)
		code = b->ops->freeze(b->target, &f.rq, NULL, err);
	if (code)
		return code < 0 ? code : 0;
	ret->cgroup = strdup(f.rq.cgroup);
	if (ret->cgroup)
		return 0;
	b->ops->thaw(b->target, f.rq.cgroup, NULL, NULL);
	return err_nomem(err);
}

void standstill_end(struct standstill *s)
{
	struct ksnap_err err = { 0 };

	if (!s->cgroup)
		return;
	if (s->bench->ops->thaw(s->bench->target, s->cgroup, NULL, &err))
		log_error("%s", err.text);
	free(s->cgroup);
	s->cgroup = NULL;
}
