// SPDX-License-Identifier: MIT
/* loop.c - poll, and a heap of times.
 *
 * A ZeroMQ socket's descriptor only tells that its state may have changed, so the state of every
 * socket that does not rest is read before a wait, and after it that of those whose descriptor woke
 * it: each reading is two system calls. A turn polls,
 * calls every ready source once, then at most DUE_PER_TURN timers in order of time, so that neither
 * side starves the other. Memory is reserved when a source is added; a turn allocates nothing.
 */
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/spin.h"

#define DUE_PER_TURN 64
#define FIRST_CAP    8

struct source {
	int id;       /* 0: removed, its place is given back between turns */
	void *socket; /* ZeroMQ, or NULL */
	bool ready;
	bool rests; /* nothing waits in it, and its descriptor wakes for whatever comes */
	bool told;  /* its owner says when it is used: it may rest */
	loop_fn fn;
	void *arg;
};

struct timer {
	int id;                    /* 0: removed after it was found due */
	uint64_t at_ns, period_ns; /* period 0: a deadline */
	loop_fn fn;
	void *arg;
};

struct loop {
	struct source *sources;
	struct pollfd *fds; /* fds[i] belongs to sources[i]; of a socket too */
	size_t nsources, sources_cap;
	struct timer *heap; /* the earliest first */
	size_t nheap, heap_cap;
	struct timer due[DUE_PER_TURN]; /* taken off the heap by this turn */
	size_t ndue;
	int last_id;
	bool wrapped; /* ids began anew, so a new one may be in use */
	bool stop, in_turn;
	bool spins;
	struct spin spin;
};

struct loop *loop_create(struct ksnap_err *err)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		err_nomem(err);
	return l;
}

void loop_spins(struct loop *l)
{
	l->spins = true;
}

void loop_destroy(struct loop *l)
{
	int saved = errno;

	if (!l)
		return;
	free(l->sources);
	free(l->fds);
	free(l->heap);
	free(l);
	errno = saved;
}

static struct source *find_source(struct loop *l, int id)
{
	for (size_t i = 0; i < l->nsources; i++)
		if (l->sources[i].id == id)
			return &l->sources[i];
	return NULL;
}

static struct timer *find_timer(struct timer *timers, size_t n, int id)
{
	for (size_t i = 0; i < n; i++)
		if (timers[i].id == id)
			return &timers[i];
	return NULL;
}

static bool has_id(struct loop *l, int id)
{
	return find_source(l, id) || find_timer(l->heap, l->nheap, id) ||
	       find_timer(l->due, l->ndue, id);
}

static int new_id(struct loop *l)
{
	do {
		if (l->last_id == INT_MAX) {
			l->last_id = 0;
			l->wrapped = true;
		}
		l->last_id++;
	} while (l->wrapped && has_id(l, l->last_id));
	return l->last_id;
}

/* ---- sources ---- */

static int grow_sources(struct loop *l)
{
	size_t cap = l->sources_cap ? l->sources_cap * 2 : FIRST_CAP;
	struct source *sources;
	struct pollfd *fds;

	if (l->nsources < l->sources_cap)
		return 0;
	sources = realloc(l->sources, cap * sizeof(*sources));
	if (!sources)
		return -1;
	l->sources = sources;
	fds = realloc(l->fds, cap * sizeof(*fds));
	if (!fds)
		return -1;
	l->fds = fds;
	l->sources_cap = cap;
	return 0;
}

static int add_source(struct loop *l, void *socket, int fd, loop_fn fn, void *arg,
		      struct ksnap_err *err)
{
	struct source source = { .socket = socket, .fn = fn, .arg = arg };

	if (grow_sources(l))
		return err_nomem(err);
	source.id = new_id(l);
	l->fds[l->nsources] = (struct pollfd){ .fd = fd, .events = POLLIN };
	l->sources[l->nsources++] = source;
	return source.id;
}

int loop_add_socket(struct loop *l, void *socket, loop_fn fn, void *arg, struct ksnap_err *err)
{
	int fd;
	size_t len = sizeof(fd);

	if (zmq_getsockopt(socket, ZMQ_FD, &fd, &len))
		return err_errno(err, KSNAP_E_INTERNAL, errno, "a socket cannot be polled");
	return add_source(l, socket, fd, fn, arg, err);
}

void loop_socket_rests(struct loop *l, int id)
{
	struct source *source = id > 0 ? find_source(l, id) : NULL;

	if (source)
		source->rests = source->told = true;
}

void loop_socket_used(struct loop *l, int id)
{
	struct source *source = id > 0 ? find_source(l, id) : NULL;

	if (source) {
		source->rests = false;
		source->told = true;
	}
}

int loop_add_fd(struct loop *l, int fd, loop_fn fn, void *arg, struct ksnap_err *err)
{
	return add_source(l, NULL, fd, fn, arg, err);
}

/* Between turns only: closes the gaps and takes in what was added. */
static void settle_sources(struct loop *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->nsources; i++) {
		if (!l->sources[i].id)
			continue;
		l->sources[n] = l->sources[i];
		l->sources[n].ready = false;
		l->fds[n++] = l->fds[i];
	}
	l->nsources = n;
}

static void call_sources(struct loop *l)
{
	size_t n = l->nsources; /* those added by a callback wait for the next turn */

	for (size_t i = 0; i < n; i++) {
		struct source s = l->sources[i];

		if (s.id && s.ready)
			s.fn(s.arg);
	}
}

/* ---- times ---- */

static void put_timer(struct loop *l, size_t at, struct timer t)
{
	while (at && l->heap[(at - 1) / 2].at_ns > t.at_ns) {
		l->heap[at] = l->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < l->nheap && l->heap[child + 1].at_ns < l->heap[child].at_ns)
			child++;
		if (child >= l->nheap || l->heap[child].at_ns >= t.at_ns)
			break;
		l->heap[at] = l->heap[child];
		at = child;
	}
	l->heap[at] = t;
}

static void push_timer(struct loop *l, struct timer t)
{
	put_timer(l, l->nheap++, t);
}

static void drop_timer(struct loop *l, size_t at)
{
	struct timer last = l->heap[--l->nheap];

	if (at < l->nheap)
		put_timer(l, at, last);
}

static int add_timer(struct loop *l, struct timer t, struct ksnap_err *err)
{
	if (l->nheap == l->heap_cap) {
		size_t cap = l->heap_cap ? l->heap_cap * 2 : FIRST_CAP;
		struct timer *heap = realloc(l->heap, cap * sizeof(*heap));

		if (!heap)
			return err_nomem(err);
		l->heap = heap;
		l->heap_cap = cap;
	}
	t.id = new_id(l);
	push_timer(l, t);
	return t.id;
}

int loop_add_timer(struct loop *l, unsigned period_ms, loop_fn fn, void *arg, struct ksnap_err *err)
{
	uint64_t period_ns = (period_ms ? period_ms : 1) * NS_PER_MS;
	struct timer t = { .at_ns = clock_mono_ns() + period_ns, .period_ns = period_ns };

	t.fn = fn;
	t.arg = arg;
	return add_timer(l, t, err);
}

int loop_add_deadline(struct loop *l, uint64_t at_ns, loop_fn fn, void *arg, struct ksnap_err *err)
{
	return add_timer(l, (struct timer){ .at_ns = at_ns, .fn = fn, .arg = arg }, err);
}

void loop_remove(struct loop *l, int id)
{
	struct source *source = id > 0 ? find_source(l, id) : NULL;
	struct timer *timer = id > 0 ? find_timer(l->heap, l->nheap, id) : NULL;
	struct timer *due = id > 0 ? find_timer(l->due, l->ndue, id) : NULL;

	if (source)
		source->id = 0;
	if (timer)
		drop_timer(l, (size_t)(timer - l->heap));
	if (due)
		due->id = 0;
}

/* A timer is due again at its next period that is still to come. */
static void take_due(struct loop *l)
{
	uint64_t now = clock_mono_ns();

	l->ndue = 0;
	while (l->nheap && l->heap[0].at_ns <= now && l->ndue < DUE_PER_TURN) {
		struct timer t = l->heap[0];

		l->due[l->ndue++] = t;
		drop_timer(l, 0);
		if (!t.period_ns)
			continue;
		t.at_ns += t.period_ns * ((now - t.at_ns) / t.period_ns + 1);
		push_timer(l, t);
	}
}

static void call_due(struct loop *l)
{
	take_due(l);
	for (size_t i = 0; i < l->ndue; i++) {
		struct timer t = l->due[i];

		l->due[i].id = 0;
		if (t.id)
			t.fn(t.arg);
	}
	l->ndue = 0;
}

/* Milliseconds until the first timer, rounded up, at most @timeout_ms. */
static long wait_ms(const struct loop *l, int timeout_ms)
{
	uint64_t now, left;

	if (!l->nheap)
		return timeout_ms;
	now = clock_mono_ns();
	if (l->heap[0].at_ns <= now)
		return 0;
	left = (l->heap[0].at_ns - now - 1) / NS_PER_MS + 1;
	if (timeout_ms >= 0 && left > (uint64_t)timeout_ms)
		return timeout_ms;
	return left > INT_MAX ? INT_MAX : (long)left;
}

static int fail_poll(const struct loop *l, struct ksnap_err *err)
{
	if (errno == ETERM)
		return err_set(err, KSNAP_E_STATE, "polling: the ZeroMQ context is closed");
	return err_errno(err, KSNAP_E_INTERNAL, errno, "polling %zu sources", l->nsources);
}

/* Read the state of a source whose descriptor is readable, or of a socket whatever its is. -1 with
 * errno. One in which nothing waits has been read to the end, and rests if it may. */
static int read_state(struct source *s)
{
	int events = ZMQ_POLLIN;
	size_t len = sizeof(events);

	while (s->socket && zmq_getsockopt(s->socket, ZMQ_EVENTS, &events, &len)) {
		if (errno != EINTR)
			return -1;
	}
	s->ready = events & ZMQ_POLLIN;
	s->rests = s->told && !s->ready;
	return s->ready;
}

/* How many are ready before anything is waited for. */
static int read_sockets(struct loop *l)
{
	int n = 0, rc;

	for (size_t i = 0; i < l->nsources; i++) {
		rc = l->sources[i].socket && !l->sources[i].rests ? read_state(&l->sources[i]) : 0;
		if (rc < 0)
			return rc;
		n += rc;
	}
	return n;
}

/* How many are ready after a wait: those there were, and those whose descriptor woke it. */
static int read_woken(struct loop *l)
{
	int n = 0;

	for (size_t i = 0; i < l->nsources; i++) {
		if (!l->sources[i].ready && l->fds[i].revents && read_state(&l->sources[i]) < 0)
			return -1;
		n += l->sources[i].ready;
	}
	return n;
}

/* What woke a wait may be no message, such as a peer that connects: then it goes on. */
static int poll_sources(struct loop *l, int timeout_ms, struct ksnap_err *err)
{
	uint64_t until = clock_mono_ns() + (timeout_ms > 0 ? timeout_ms : 0) * NS_PER_MS;
	int ready = read_sockets(l), rc;

	if (ready < 0)
		return fail_poll(l, err);
	for (;;) {
		rc = spin_poll(l->spins ? &l->spin : NULL, l->fds, l->nsources,
			       ready ? 0 : (int)wait_ms(l, timeout_ms));
		if (rc < 0)
			return errno == EINTR ? 0 : fail_poll(l, err);
		ready = rc ? read_woken(l) : ready;
		if (ready < 0)
			return fail_poll(l, err);
		if (!rc || ready)
			return 0;
		if (timeout_ms > 0) {
			uint64_t now = clock_mono_ns();

			timeout_ms = now < until ? (int)((until - now - 1) / NS_PER_MS) + 1 : 0;
		}
	}
}

int loop_turn(struct loop *l, int timeout_ms, struct ksnap_err *err)
{
	int rc;

	if (l->in_turn)
		return err_set(err, KSNAP_E_STATE, "a loop's callback may not turn the same loop");
	settle_sources(l);
	rc = poll_sources(l, timeout_ms, err);
	if (rc)
		return rc;
	l->in_turn = true;
	call_sources(l);
	call_due(l);
	l->in_turn = false;
	return 0;
}

int loop_run(struct loop *l, struct ksnap_err *err)
{
	int rc = 0;

	l->stop = false;
	while (!l->stop && !rc)
		rc = loop_turn(l, -1, err);
	return rc;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
