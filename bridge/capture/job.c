// SPDX-License-Identifier: MIT
/* job.c - the ops a worker knows, and how each uses the target's table. */
#include "capture/job.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "capture/job_freeze.h"
#include "capture/job_kernel.h"
#include "capture/job_watch.h"
#include "report/render.h"
#include "wire/shapes.h"

#define NAME_MAX_BYTES 64
#define NO_REASONS     "\x90" /* msgpack: an empty list */
#define CAUSE_MAX      161    /* bytes of a cause's id, with its NUL */

void job_result_fini(struct job_result *res)
{
	buf_fini(&res->r);
	buf_fini(&res->detail);
	ksnap_blob_unref(res->blob);
	res->blob = NULL;
}

bool job_is_own_host(struct wire_slice host)
{
	char own[256] = "";

	gethostname(own, sizeof(own) - 1);
	return wire_slice_is(host, own);
}

static void release_arena(struct wire_arena *a)
{
	wire_arena_fini(a);
}

#define _arena_ __attribute__((cleanup(release_arena)))

static int refuse_slot(const struct bench *b, struct wire_slice op, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_UNSUPPORTED, "target %s cannot do %.*s: %s", b->ops->kind,
		       (int)op.len, op.p, b->ops->why_not ? b->ops->why_not : "no such function");
}

static int encode_result(const struct wire_shape *shape, const void *value, struct job_result *res,
			 struct ksnap_err *err)
{
	return wire_encode(shape, value, &res->r) ? err_nomem(err) : 0;
}

const char **job_copy_globs(const struct wire_list *list, struct ksnap_err *err)
{
	const struct wire_slice *s = list->items;
	size_t bytes = 0;
	const char **globs;
	char *text;

	for (size_t i = 0; i < list->n; i++)
		bytes += s[i].len + 1;
	globs = malloc(list->n * sizeof(*globs) + bytes + 1);
	if (!globs) {
		err_nomem(err);
		return NULL;
	}
	text = (char *)(globs + list->n);
	for (size_t i = 0; i < list->n; i++) {
		globs[i] = memcpy(text, s[i].p, s[i].len);
		text[s[i].len] = 0;
		text += s[i].len + 1;
	}
	return globs;
}

static const char *trigger_of(const struct wire_capture_snapshot_params *p,
			      const struct capture_cause *cause)
{
	if (cause)
		return cause->is_joined ? "joined" : "watch";
	return p->has_boundary_ms ? "periodic" : "op";
}

static struct report_info describe_report(struct bench *b,
					  const struct wire_capture_snapshot_params *p,
					  const char *tag, const struct capture_cause *cause)
{
	struct report_info info = {
		.tag = tag,
		.target_kind = b->ops->kind,
		.target_name = b->target_name,
		.host = "",
		.kernel = "",
		.boot_id = "",
		.trigger = trigger_of(p, cause),
		.cause = cause ? cause->id : NULL,
		.hit_mono_ns = cause ? cause->mono_ns : 0,
		.missed = cause ? cause->missed : 0,
		.has_step = p->has_step,
		.step = p->step,
		.consistency = p->has_freeze ? "cgroup_frozen" : "running",
	};

	if (b->ops->describe)
		b->ops->describe(b->target, &info);
	return info;
}

static int begin_report(struct bench *b, const struct wire_capture_snapshot_params *p,
			const char *tag, const struct capture_cause *cause, struct ksnap_err *err)
{
	struct report_info info = describe_report(b, p, tag, cause);

	return report_begin(b->rb, &info, err);
}

/* Close the report, check that it fits a frame, and put head and blob into @res. */
static int finish_report(struct bench *b, struct job_result *res, struct ksnap_err *err)
{
	struct report_summary sum;
	_buf_ struct buf reasons = BUF_INIT;
	_blob_ struct ksnap_blob *blob = report_finish(b->rb, &sum, &reasons, err);
	struct wire_captured out;

	if (!blob)
		return err ? err->code : KSNAP_E_NOMEM;
	if (ksnap_blob_size(blob) > LIMIT_MAX_BLOB)
		return err_set(
			err, KSNAP_E_LIMIT,
			"the report has %zu bytes, MAX_BLOB is %llu: select fewer maps (--map)",
			ksnap_blob_size(blob), (unsigned long long)LIMIT_MAX_BLOB);
	out = (struct wire_captured){
		.maps = sum.maps,
		.complete = sum.complete,
		.placeholder = sum.placeholder,
		.reasons = { (const char *)reasons.data, reasons.len },
	};
	res->blob = take_ptr(blob);
	return encode_result(&wire_shape_captured, &out, res, err);
}

/* A periodic capture that the target failed leaves a placeholder, so that who looks at a series
 * later finds the gap and its reason. */
static int finish_failed(struct bench *b, const struct wire_capture_snapshot_params *p,
			 const char *tag, struct job_result *res, struct ksnap_err *err)
{
	struct report_info info = describe_report(b, p, tag, NULL);
	struct ksnap_err why = *err;
	const char *code = ksnap_err_name(why.code);
	struct wire_captured out = {
		.placeholder = true,
		.reasons = { NO_REASONS, 1 },
		.has_e = true,
		.e = { .code = wire_slice_of(code),
		       .class = wire_slice_of(ksnap_err_class(why.code)),
		       .msg = wire_slice_of(why.text),
		       .retry = ksnap_err_retry(why.code) },
	};

	if (!p->has_boundary_ms || (why.code != KSNAP_E_TARGET && why.code != KSNAP_E_TIMEOUT))
		return why.code;
	res->blob = report_placeholder(b->rb, &info, "capture_failed", why.text, err);
	return res->blob ? encode_result(&wire_shape_captured, &out, res, err) : err->code;
}

/* Of "<bridge>/<watch id>#<n>", where a bridge's name may hold anything. */
static uint64_t watch_of(const char *cause)
{
	const char *slash = strrchr(cause, '/');

	return slash ? strtoull(slash + 1, NULL, 10) : 0;
}

/* The hit that the capture follows: 1, or 0 when the job's params name none. */
static int read_cause(const struct job *job, struct capture_cause *ret, char id[CAUSE_MAX],
		      struct ksnap_err *err)
{
	struct wire_slice found;
	struct wire_caused c;
	int rc;

	if (!wire_map_find(job->params, "cause", &found))
		return 0;
	rc = wire_decode(&wire_shape_caused, job->params.p, job->params.len, WIRE_SKIP_UNKNOWN,
			 NULL, &c, err);
	if (rc)
		return rc;
	snprintf(id, CAUSE_MAX, "%.*s", (int)c.cause.len, c.cause.p);
	*ret = (struct capture_cause){ .id = id,
				       .watch = watch_of(id),
				       .is_joined = c.joined,
				       .mono_ns = !c.has_host || job_is_own_host(c.host)
							  ? c.hit_mono
							  : 0,
				       .missed = c.missed,
				       .hit = c.has_hit ? c.hit : (struct wire_slice){ 0 } };
	return 1;
}

static int report_hit(struct bench *b, const struct capture_cause *cause, struct ksnap_err *err)
{
	struct buf hit = { .data = (uint8_t *)cause->hit.p, .len = cause->hit.len };

	return report_key(b->rb, "hit", &hit, err);
}

static int check_capture(struct bench *b, const struct wire_capture_snapshot_params *p,
			 const struct job *job, struct ksnap_err *err)
{
	if (!b->ops->capture)
		return refuse_slot(b, job->op, err);
	return accessor_need(&b->accessor, b->ops, b->target, err);
}

static int run_capture(struct bench *b, const struct job *job, struct job_result *res,
		       struct ksnap_err *err)
{
	_arena_ struct wire_arena arena = { 0 };
	struct wire_capture_snapshot_params p;
	struct capture_request rq = { .deadline_mono_ns = job->deadline_mono_ns };
	_free_ const char **globs = NULL;
	_standstill_ struct standstill still = { 0 };
	struct capture_cause cause;
	char tag[KSNAP_TAG_MAX + 1], id[CAUSE_MAX];
	int ret;

	ret = wire_decode(&wire_shape_capture_snapshot_params, job->params.p, job->params.len,
			  WIRE_SKIP_UNKNOWN, &arena, &p, err);
	if (!ret)
		ret = check_capture(b, &p, job, err);
	if (ret)
		return ret;
	ret = read_cause(job, &cause, id, err);
	if (ret < 0)
		return ret;
	rq.cause = ret ? &cause : NULL;
	globs = job_copy_globs(&p.maps, err);
	if (!globs)
		return KSNAP_E_NOMEM;
	snprintf(tag, sizeof(tag), "%.*s", (int)p.tag.len, p.tag.p);
	rq.tag = tag;
	rq.maps = globs;
	rq.nmaps = p.maps.n;
	rq.progs = p.progs;
	rq.chase = b->ops->chases ? p.chase : 0;
	rq.has_step = p.has_step;
	rq.step = p.step;
	ret = p.has_freeze ? standstill_begin(b, job, p.freeze, &still, err) : 0;
	if (!ret)
		ret = begin_report(b, &p, tag, rq.cause, err);
	if (!ret)
		ret = b->ops->capture(b->target, &rq, b->rb, err);
	if (!ret && p.chase && !b->ops->chases)
		ret = report_reason(b->rb, "unsupported", "chase", p.chase, 0,
				    "target %s does not follow pointers", b->ops->kind);
	if (!ret && rq.cause && cause.hit.len)
		ret = report_hit(b, &cause, err);
	return ret ? finish_failed(b, &p, tag, res, err) : finish_report(b, res, err);
}

static int run_procs(struct bench *b, const struct job *job, struct job_result *res,
		     struct ksnap_err *err)
{
	_arena_ struct wire_arena arena = { 0 };
	struct wire_capture_cgroup_procs_params p;
	struct wire_capture_cgroup_procs_reply out = { 0 };
	_free_ char *cgroup = NULL;
	_free_ uint32_t *pids = NULL;
	_free_ uint64_t *wide = NULL;
	size_t n = 0;
	int ret;

	if (!b->ops->procs)
		return refuse_slot(b, job->op, err);
	ret = wire_decode(&wire_shape_capture_cgroup_procs_params, job->params.p, job->params.len,
			  WIRE_SKIP_UNKNOWN, &arena, &p, err);
	if (ret)
		return ret;
	cgroup = strndup(p.cgroup.p, p.cgroup.len);
	if (!cgroup)
		return err_nomem(err);
	ret = b->ops->procs(b->target, cgroup, p.threads, &pids, &n, err);
	if (ret)
		return ret;
	wide = malloc((n + 1) * sizeof(*wide));
	if (!wide)
		return err_nomem(err);
	for (size_t i = 0; i < n; i++)
		wide[i] = pids[i];
	out.pids = (struct wire_list){ wide, n };
	return encode_result(&wire_shape_capture_cgroup_procs_reply, &out, res, err);
}

static int copy_name(struct wire_slice s, char name[NAME_MAX_BYTES + 1], struct ksnap_err *err)
{
	if (s.len > NAME_MAX_BYTES || memchr(s.p, 0, s.len))
		return err_set(err, KSNAP_E_ARG, "name: at most %d bytes and no NUL",
			       NAME_MAX_BYTES);
	memcpy(name, s.p, s.len);
	name[s.len] = 0;
	return 0;
}

static int need_blob(const struct job *job, const char *what, struct ksnap_err *err)
{
	if (job->nblobs == 1)
		return 0;
	return err_set(err, KSNAP_E_ARG, "%.*s takes exactly one blob, %s; it came with %zu",
		       (int)job->op.len, job->op.p, what, job->nblobs);
}

/* The params of replace_object are the same. */
static int run_attach(struct bench *b, const struct job *job, struct job_result *res,
		      struct ksnap_err *err)
{
	bool replaces = wire_slice_is(job->op, "replace_object");
	int (*load)(struct target * t, const char *name, const void *elf, size_t len,
		    struct buf *reply, struct ksnap_err *err) =
		replaces ? b->ops->replace : b->ops->attach;
	_arena_ struct wire_arena arena = { 0 };
	struct wire_attach_object_params p;
	char name[NAME_MAX_BYTES + 1];
	int ret;

	if (!load)
		return refuse_slot(b, job->op, err);
	ret = wire_decode(&wire_shape_attach_object_params, job->params.p, job->params.len,
			  WIRE_SKIP_UNKNOWN, &arena, &p, err);
	if (!ret)
		ret = copy_name(p.name, name, err);
	if (!ret)
		ret = need_blob(job, "the object file", err);
	if (!ret)
		ret = load(b->target, name, ksnap_blob_data(job->blobs[0]),
			   ksnap_blob_size(job->blobs[0]), &res->r, err);
	res->renew = !ret;
	return ret;
}

static int run_detach(struct bench *b, const struct job *job, struct job_result *res,
		      struct ksnap_err *err)
{
	_arena_ struct wire_arena arena = { 0 };
	struct wire_detach_object_params p;
	struct wire_detach_object_reply out = {};
	char name[NAME_MAX_BYTES + 1];
	int ret;

	if (!b->ops->detach)
		return refuse_slot(b, job->op, err);
	ret = wire_decode(&wire_shape_detach_object_params, job->params.p, job->params.len,
			  WIRE_SKIP_UNKNOWN, &arena, &p, err);
	if (!ret)
		ret = copy_name(p.name, name, err);
	if (!ret)
		ret = b->ops->detach(b->target, name, err);
	if (ret)
		return ret;
	res->renew = true;
	return encode_result(&wire_shape_detach_object_reply, &out, res, err);
}

struct render_params {
	struct wire_slice tag;
	bool has_tag;
	struct wire_slice path;
	bool has_path;
};

static const struct wire_field render_fields[] = {
	{ .name = "tag",
	  .kind = WIRE_STR,
	  .max = KSNAP_TAG_MAX,
	  .offset = offsetof(struct render_params, tag),
	  .has_offset = offsetof(struct render_params, has_tag) },
	{ .name = "path",
	  .kind = WIRE_STR,
	  .min = 1,
	  .max = 4096,
	  .offset = offsetof(struct render_params, path),
	  .has_offset = offsetof(struct render_params, has_path) },
};

static const struct wire_shape render_shape = {
	.name = "render_params",
	.fields = render_fields,
	.nfields = ARRAY_SIZE(render_fields),
	.size = sizeof(struct render_params),
};

static void close_snapshot(struct ksnap_snapshot **s)
{
	ksnap_snapshot_close(*s);
}

/* All of it, or the value that @path names. */
static int render(const struct render_params *p, struct ksnap_blob *report, const char *path,
		  struct buf *out, struct ksnap_err *err)
{
	static const struct render_opts opts;
	__attribute__((cleanup(close_snapshot))) struct ksnap_snapshot *s =
		ksnap_snapshot_open(report, err);
	struct ksnap_value v;
	int ret;

	if (!s)
		return err_prefix(err, "%.*s", (int)p->tag.len, p->tag.p);
	if (!path)
		return render_report_tree(s, &opts, out) ? err_nomem(err) : 0;
	ret = ksnap_snapshot_get(s, path, &v, err);
	if (ret)
		return ret;
	return render_value_tree(&v, &opts, out) ? err_nomem(err) : 0;
}

static int run_render(struct bench *b, const struct job *job, struct job_result *res,
		      struct ksnap_err *err)
{
	_arena_ struct wire_arena arena = { 0 };
	struct render_params p;
	_free_ char *path = NULL;
	int ret;

	ret = wire_decode(&render_shape, job->params.p, job->params.len, WIRE_SKIP_UNKNOWN, &arena,
			  &p, err);
	if (!ret)
		ret = need_blob(job, "the report", err);
	if (ret)
		return ret;
	if (p.has_path) {
		path = strndup(p.path.p, p.path.len);
		if (!path)
			return err_nomem(err);
	}
	return render(&p, job->blobs[0], path, &res->r, err);
}

static const struct {
	const char *op;
	int (*run)(struct bench *b, const struct job *job, struct job_result *res,
		   struct ksnap_err *err);
} job_table[] = {
	{ "capture_snapshot", run_capture },
	{ "capture_cgroup_procs", run_procs },
	{ "attach_object", run_attach },
	{ "replace_object", run_attach },
	{ "detach_object", run_detach },
	{ "freeze", job_freeze },
	{ "thaw", job_thaw },
	{ "read_kernel_hot", job_read_kernel },
	{ "read_kernel_cold", job_read_kernel },
	{ "write_kernel_hot", job_write_kernel },
	{ "write_kernel_cold", job_write_kernel },
	{ "watch_snapshot", job_arm },
	{ "unwatch", job_disarm },
	{ "render", run_render },
};

int job_run(struct bench *b, const struct job *job, struct job_result *res, struct ksnap_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(job_table); i++) {
		if (wire_slice_is(job->op, job_table[i].op))
			return job_table[i].run(b, job, res, err);
	}
	return err_set(err, KSNAP_E_UNSUPPORTED, "this worker knows no job '%.*s'",
		       (int)job->op.len, job->op.p);
}
