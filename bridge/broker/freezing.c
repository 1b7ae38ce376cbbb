// SPDX-License-Identifier: MIT
/* freezing.c - who asks, and who must be spared, put behind an op's own params. */
#include "broker/freezing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "broker/session.h"

const char *freezing_by(const struct session *s, char buf[FREEZING_BY])
{
	int n = snprintf(buf, FREEZING_BY, "session %s", session_name(s));

	if (session_pid(s))
		snprintf(buf + n, FREEZING_BY - (size_t)n, " (process %" PRIu64 ")",
			 session_pid(s));
	return buf;
}

int freezing_params(struct request *rq, const struct wire_shape *shape, const void *p,
		    struct buf *out, struct job_spec *spec, struct ksnap_err *err)
{
	char by[FREEZING_BY], host[256] = "", who[80];
	struct wire_spared spared[2] = {
		{ .pid = (uint64_t)getpid(), .who = wire_slice_of("the broker") },
		{ .pid = session_pid(rq->session) },
	};
	struct wire_freezing w = { .spared = { spared, spared[1].pid ? 2 : 1 } };
	int ret;

	gethostname(host, sizeof(host) - 1);
	snprintf(who, sizeof(who), "session %s", session_name(rq->session));
	spared[1].who = wire_slice_of(who);
	w.by = wire_slice_of(freezing_by(rq->session, by));
	w.host = wire_slice_of(host);
	if (wire_encode(shape, p, out))
		return err_nomem(err);
	ret = wire_encode_beside(&wire_shape_freezing, &w, out, err);
	spec->params = (struct wire_slice){ (const char *)out->data, out->len };
	return ret;
}

struct owned *freezing_find(struct sessions *all, struct wire_slice cgroup)
{
	struct owned *o;
	const char *next;

	while (cgroup.len > 1 && cgroup.p[cgroup.len - 1] == '/')
		cgroup.len--;
	for (;;) {
		o = sessions_find_owned(all, OWNED_FREEZE, cgroup);
		next = cgroup.len < 2 ? NULL : memchr(cgroup.p + 1, '/', cgroup.len - 1);
		if (o || !next)
			return o;
		cgroup.len -= (size_t)(next - cgroup.p);
		cgroup.p = next;
	}
}

void freezing_pin(struct request *rq, struct wire_slice cgroup, struct job_spec *spec)
{
	const struct owned *o = freezing_find(rq->broker->sessions, cgroup);

	if (o && wire_slice_is(wire_slice_of(o->target),
			       workers_target(rq->broker->workers, spec->target, NULL) ?: ""))
		spec->worker = o->worker;
}
