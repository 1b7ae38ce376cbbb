// SPDX-License-Identifier: MIT
/* stop.c - stop and cont, and who says cont when we cannot. */
#include "capture/guest/stop.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"

/* Of the answers, only that to this has number 0; one to a stop that was said before may come
 * first, and what qemu has not done when the connection ends, it does not do. */
static const struct freeze_word cont[] = {
	{ "{\"execute\": \"cont\", \"id\": 0}\n", "\"id\": 0", NULL },
	{ 0 },
};

static uint64_t soon(const struct stop *s)
{
	return clock_mono_ns() + s->wait_ms * NS_PER_MS;
}

enum { RUNS, TRAPPED, STANDS };

/* TRAPPED: a debugger stopped it, or a watch of one. */
static int look(struct stop *s, struct qmp *q, int *ret, struct ksnap_err *err)
{
	struct json answer, running, status;
	int code = qmp_call(q, "query-status", NULL, soon(s), &answer, err);

	if (code)
		return code;
	if (!json_member(answer, "running", &running))
		return err_set(err, KSNAP_E_TARGET, "qemu does not tell whether the guest runs");
	*ret = json_is(running, "true") ? RUNS : STANDS;
	if (*ret == RUNS)
		return 0;
	if (!json_member(answer, "status", &status) ||
	    !json_string(status, s->status, sizeof(s->status)))
		strcpy(s->status, "stopped");
	if (!strcmp(s->status, "debug"))
		*ret = TRAPPED;
	return 0;
}

int stop_is_running(struct stop *s, struct qmp *q, bool *ret, struct ksnap_err *err)
{
	int is = STANDS, code = look(s, q, &is, err);

	*ret = is == RUNS;
	return code;
}

/* ---- stopping -------------------------------------------------------------------------------- */

/* A watch of ours may have stopped it just before: the trap is there, and nobody has taken it. */
static bool must_go_on(struct stop *s, int is)
{
	return is == RUNS || (is == TRAPPED && s->gdb && gdb_poll(s->gdb));
}

int stop_guard(struct stop *s, struct qmp *q, struct ksnap_err *err)
{
	return s->guard.pidfd >= 0 ? 0 : freeze_guard_start(q->fd, cont, &s->guard, err);
}

static unsigned pauses_told(struct stop *s)
{
	if (!s->gdb)
		return 0;
	gdb_poll(s->gdb);
	return s->gdb->pauses;
}

/* The stub tells of it, too, and before qemu answers: one of what it told meanwhile is ours. */
static int say_stop(struct stop *s, struct qmp *q, struct ksnap_err *err)
{
	unsigned before = pauses_told(s);
	int code = qmp_call(q, "stop", NULL, soon(s), NULL, err);

	if (pauses_told(s) > before)
		gdb_forget_pause(s->gdb);
	return code;
}

static int stop_now(struct stop *s, struct qmp *q, struct ksnap_err *err)
{
	int is = STANDS, code = look(s, q, &is, err);

	if (code || !must_go_on(s, is))
		return code;
	code = stop_guard(s, q, err);
	if (code)
		return code;
	s->is_stopped = true;
	if (is == TRAPPED)
		return 0;
	code = say_stop(s, q, err);
	return code == KSNAP_E_TIMEOUT
		       ? err_set(err, code, "the guest did not stop within %u ms", s->wait_ms)
		       : code;
}

int stop_begin(struct stop *s, struct qmp *q, unsigned by, struct ksnap_err *err)
{
	struct ksnap_err later = { 0 };
	unsigned before = s->by;
	int code = 0;

	s->by |= by;
	if (!before || (before == STOP_FREEZE && !s->is_stopped)) /* others may have let it go on */
		code = stop_now(s, q, err);
	else if (s->is_stopped && by == STOP_FREEZE)
		code = stop_guard(s, q, err); /* what a watch has stopped has none */
	if (code)
		stop_end(s, q, by, &later);
	return code;
}

int stop_keep(struct stop *s, struct qmp *q, unsigned by, struct ksnap_err *err)
{
	int code = stop_guard(s, q, err);

	if (code)
		return code;
	s->by |= by;
	s->is_stopped = true;
	return 0;
}

void stop_caught(struct stop *s)
{
	s->by |= STOP_HIT;
	s->is_stopped = true;
}

const char *stop_by_others(const struct stop *s)
{
	if (!s->is_stopped)
		return s->status;
	return s->by & STOP_FREEZE ? "frozen" : NULL;
}

/* ---- going on -------------------------------------------------------------------------------- */

/* The stub is told on another socket than the one that can be asked: wait until it was heard. */
static int go_on_by_gdb(struct stop *s, struct qmp *q, struct ksnap_err *err)
{
	uint64_t deadline = soon(s);
	bool running = false;
	int code = gdb_continue(s->gdb, err);

	while (!code && !running && !gdb_poll(s->gdb)) {
		code = stop_is_running(s, q, &running, err);
		if (!code && !running && clock_mono_ns() >= deadline)
			code = err_set(err, KSNAP_E_TIMEOUT, "the guest did not go on within %u ms",
				       s->wait_ms);
	}
	return code;
}

static int go_on(struct stop *s, struct qmp *q, struct ksnap_err *err)
{
	if (s->gdb && s->gdb->fd >= 0 && !go_on_by_gdb(s, q, err))
		return 0;
	return qmp_call(q, "cont", NULL, soon(s), NULL, err);
}

int stop_end(struct stop *s, struct qmp *q, unsigned by, struct ksnap_err *err)
{
	int code;

	if (!(s->by & by))
		return 0;
	s->by &= ~by;
	if (!s->by && s->gdb && gdb_poll(s->gdb))
		stop_caught(s);
	if (s->by || !s->is_stopped)
		return 0;
	code = go_on(s, q, err);
	s->is_stopped = false;
	if (code)
		freeze_guard_release(&s->guard);
	else
		freeze_guard_stop(&s->guard);
	return code;
}
