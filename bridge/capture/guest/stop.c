// SPDX-License-Identifier: MIT
/* stop.c - stop and cont, and who says cont when we cannot. */
#include "capture/guest/stop.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"

static uint64_t soon(const struct stop *s)
{
	return clock_mono_ns() + s->wait_ms * NS_PER_MS;
}

static int is_running(const struct stop *s, struct qmp *q, bool *ret, struct ksnap_err *err)
{
	struct json status, running;
	int code = qmp_call(q, "query-status", NULL, soon(s), &status, err);

	if (code)
		return code;
	if (!json_member(status, "running", &running))
		return err_set(err, KSNAP_E_TARGET, "qemu does not tell whether the guest runs");
	*ret = json_is(running, "true");
	return 0;
}

int stop_begin(struct stop *s, struct qmp *q, struct ksnap_err *err)
{
	struct ksnap_err later = { 0 };
	bool running = false;
	int code;

	if (s->is_stopped)
		return 0;
	code = is_running(s, q, &running, err);
	if (code || !running)
		return code;
	code = freeze_guard_start(q->fd, QMP_CONT, QMP_DONE, &s->guard, err);
	if (code)
		return code;
	s->is_stopped = true;
	code = qmp_call(q, "stop", NULL, soon(s), NULL, err);
	if (code)
		stop_end(s, q, &later);
	return code == KSNAP_E_TIMEOUT
		       ? err_set(err, code, "the guest did not stop within %u ms", s->wait_ms)
		       : code;
}

int stop_end(struct stop *s, struct qmp *q, struct ksnap_err *err)
{
	int code;

	if (!s->is_stopped)
		return 0;
	code = qmp_call(q, "cont", NULL, soon(s), NULL, err);
	s->is_stopped = false;
	if (code)
		freeze_guard_release(&s->guard);
	else
		freeze_guard_stop(&s->guard);
	return code;
}
