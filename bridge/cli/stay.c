// SPDX-License-Identifier: MIT
/* stay.c - wait for a signal, a ping every heartbeat. */
#include "cli/stay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/print.h"
#include "client/client.h"
#include "report/reader.h"

int stay_signals(struct ksnap_err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_errno(err, KSNAP_E_INTERNAL, errno, "cannot wait for signals") : fd;
}

bool stay_is_told(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static bool is_told(void *arg)
{
	return stay_is_told(*(int *)arg);
}

void stay_breaks_off(struct link *l, int *fd)
{
	if (l->client)
		client_set_stop(l->client, fd ? is_told : NULL, fd);
}

static int ping(struct link *l, struct ksnap_err *err)
{
	struct ksnap_reply reply = { 0 };
	int r = link_call(l, "ping", NULL, &reply, err);

	ksnap_reply_clear(&reply);
	return r < 0 ? r : 0;
}

static bool is_in(const msgpack_object *list, const char *word)
{
	size_t len = strlen(word),
	       n = list && list->type == MSGPACK_OBJECT_ARRAY ? list->via.array.size : 0;

	for (size_t i = 0; i < n; i++) {
		const msgpack_object *o = &list->via.array.ptr[i];

		if (o->type == MSGPACK_OBJECT_STR && o->via.str.size == len &&
		    !memcmp(o->via.str.ptr, word, len))
			return true;
	}
	return false;
}

static bool is_owned(const msgpack_object *status, const char *owned)
{
	const msgpack_object *rows = object_get(status, "sessions");
	size_t n = rows && rows->type == MSGPACK_OBJECT_ARRAY ? rows->via.array.size : 0;

	for (size_t i = 0; i < n; i++)
		if (is_in(object_get(&rows->via.array.ptr[i], "owns"), owned))
			return true;
	return false;
}

/* A sign of life, too. */
static int check_owned(struct link *l, const char *owned, struct ksnap_err *err)
{
	struct ksnap_reply reply = { 0 };
	msgpack_unpacked u;
	int r = link_call(l, "status", NULL, &reply, err);

	if (r >= 0)
		r = object_decode(&u, reply.r, reply.r_len, err);
	if (r >= 0) {
		r = is_owned(&u.data, owned)
			    ? 0
			    : err_set(err, KSNAP_E_STATE,
				      "%s: nobody holds it any more; somebody released it, or the "
				      "worker is lost",
				      owned);
		msgpack_unpacked_destroy(&u);
	}
	ksnap_reply_clear(&reply);
	return r < 0 ? r : 0;
}

/* Milliseconds to wait for: a heartbeat, or what is left. */
static int wait_ms(const struct link *l, uint64_t until)
{
	uint64_t now = clock_mono_ns(), left = until > now ? until - now : 0;
	unsigned beat_ms = client_heartbeat_ms(l->client);

	beat_ms = beat_ms > 0 ? beat_ms : 1000;
	return left / NS_PER_MS < beat_ms ? (int)(left / NS_PER_MS) + 1 : (int)beat_ms;
}

int stay_until(struct link *l, int fd, uint64_t mono_ns, struct ksnap_err *err)
{
	return stay_holding(l, fd, mono_ns, NULL, err);
}

int stay_holding(struct link *l, int fd, uint64_t mono_ns, const char *owned, struct ksnap_err *err)
{
	int r = 0;

	stay_breaks_off(l, &fd);
	while (r == 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (clock_mono_ns() >= mono_ns || poll(&p, 1, wait_ms(l, mono_ns)) > 0)
			break;
		r = owned ? check_owned(l, owned, err) : ping(l, err);
	}
	stay_breaks_off(l, NULL);
	return r == KSNAP_E_STATE && stay_is_told(fd) ? 0 : r;
}

/* ---- undoing ----------------------------------------------------------------------------------
 */

struct undoing {
	int fd;
	uint64_t until_ns;
};

static bool is_undone_enough(void *arg)
{
	const struct undoing *u = arg;

	return clock_mono_ns() >= u->until_ns || stay_is_told(u->fd);
}

/* The signal that ended the hold has done its work. */
static void forget_signals(int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info))
		;
}

static int leave_to(const char *words, int rc, struct ksnap_err *err)
{
	struct ksnap_err why = *err;

	return err_set(err, rc, "%s: %.300s; %s", words, why.text,
		       rc == KSNAP_E_UNREACHABLE
			       ? "its worker undoes it, which has no broker any more"
			       : "the broker undoes it, as this session ends: now if its worker "
				 "answers, else when it does again, or ends");
}

int stay_undo(struct link *l, int fd, const char *op, const struct params *p, const char *words,
	      struct ksnap_reply *ret, struct ksnap_err *err)
{
	uint64_t now = clock_mono_ns();
	struct undoing u = { fd, l->cli->timeout_ms ? UINT64_MAX : now + STAY_UNDO_MS * NS_PER_MS };
	int rc;

	forget_signals(fd);
	client_set_stop(l->client, is_undone_enough, &u);
	rc = link_call(l, op, p, ret, err);
	client_set_stop(l->client, NULL, NULL);
	return rc < 0 && rc != KSNAP_E_NOTFOUND ? leave_to(words, rc, err) : rc;
}
