// SPDX-License-Identifier: MIT
/* guards.c - see that a child has ended, fork another one. */
#include "capture/guest/guards.h"

#include <errno.h>
#include <sys/epoll.h>

#include "base/error.h"
#include "base/log.h"
#include "capture/guest/guest.h"

static int await(struct target *t, const struct freeze_guard *g, struct ksnap_err *err)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (g->pidfd < 0 || !epoll_ctl(t->watches.epoll, EPOLL_CTL_ADD, g->pidfd, &ev) ||
	    errno == EEXIST)
		return 0;
	return err_errno(err, KSNAP_E_INTERNAL, errno,
			 "cannot wait for the child that lets the guest go on");
}

int guards_await(struct target *t, struct ksnap_err *err)
{
	int ret = await(t, &t->stop.guard, err);

	return ret ? ret : await(t, &t->gdb.guard, err);
}

static void tell_replaced(const struct freeze_guard *g, const char *does)
{
	log_warn("the child that %s when this worker is gone was killed; another one, process %d, "
		 "is in its place",
		 does, (int)g->pid);
}

static void thaw(struct target *t)
{
	struct ksnap_err err;

	t->frozen_by[0] = 0;
	if (stop_end(&t->stop, &t->qmp, STOP_FREEZE, &err))
		log_error("guest: %s", err.text);
}

static void replace_of_stop(struct target *t)
{
	static const char does[] = "lets the guest go on";
	struct ksnap_err err = { 0 };
	int ret = t->stop.is_stopped ? stop_guard(&t->stop, &t->qmp, &err) : 0;

	if (!ret)
		ret = guards_await(t, &err);
	if (!ret) {
		tell_replaced(&t->stop.guard, does);
		return;
	}
	log_error("the child that %s when this worker is gone was killed, and there is no other: "
		  "%s; the guest is not frozen any more",
		  does, err.text);
	thaw(t);
}

static void replace_of_stub(struct target *t)
{
	static const char does[] = "takes watches out of the guest";
	struct ksnap_err err = { 0 };
	int ret = gdb_guard(&t->gdb, &err);

	if (!ret)
		ret = guards_await(t, &err);
	if (!ret) {
		tell_replaced(&t->gdb.guard, does);
		return;
	}
	log_error("the child that %s when this worker is gone was killed, and there is no other: "
		  "%s; they are over%s",
		  does, err.text,
		  t->frozen_by[0]
			  ? ", and the guest, which is let go on with that, is not frozen any more"
			  : "");
	gdb_take_leave(&t->gdb);
	if (t->frozen_by[0])
		thaw(t);
	guest_watches_abandon(t, "guard_lost");
}

void guards_look(struct target *t)
{
	if (freeze_guard_is_gone(&t->stop.guard))
		replace_of_stop(t);
	if (freeze_guard_is_gone(&t->gdb.guard))
		replace_of_stub(t);
}
