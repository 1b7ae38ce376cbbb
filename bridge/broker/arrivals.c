// SPDX-License-Identifier: MIT
/* arrivals.c - a table of connections by descriptor, as libzmq's monitor tells of them.
 *
 * A descriptor is given out again as soon as it is closed, while messages of its last owner may
 * still wait to be read. So these are read as soon as somebody left, and what is heard under a
 * chosen routing id on a descriptor that was given out again counts only after all that waited
 * then was read: until then it is doubtful who speaks. */
#include "broker/arrivals.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <zmq.h>

#include "base/error.h"
#include "broker/zap.h"
#include "wire/handshake.h"

#define READ_BATCH 64
#define FIRST_CAP  64

enum arrival_state { GONE, UNHEARD, HEARD };

struct arrival {
	enum arrival_state state;
	unsigned ticks;   /* since it came */
	uint64_t left_at; /* the count of readings when its last owner left, and one; 0: none did */
	uint64_t cookie;  /* of this connection, and no other of this machine */
};

struct arrivals {
	struct arrivals_opts opts;
	struct handshakes handshakes;
	int source;
	struct arrival *table; /* by descriptor */
	size_t cap;
	unsigned unheard;
	uint64_t readings; /* how often all was read */
	bool somebody_left;
};

static struct arrival *find(struct arrivals *a, int fd)
{
	return fd >= 0 && (size_t)fd < a->cap ? &a->table[fd] : NULL;
}

/* NULL: without memory a connection is not looked after, and that is all. */
static struct arrival *find_or_add(struct arrivals *a, int fd)
{
	size_t cap = a->cap ? a->cap : FIRST_CAP;
	struct arrival *table;

	if (fd < 0 || (size_t)fd < a->cap)
		return find(a, fd);
	while (cap <= (size_t)fd)
		cap *= 2;
	table = realloc(a->table, cap * sizeof(*table));
	if (!table)
		return NULL;
	memset(table + a->cap, 0, (cap - a->cap) * sizeof(*table));
	a->table = table;
	a->cap = cap;
	return &table[fd];
}

static void set_state(struct arrivals *a, struct arrival *c, enum arrival_state state)
{
	a->unheard -= c->state == UNHEARD;
	a->unheard += state == UNHEARD;
	c->state = state;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) ? 0 : cookie;
}

static void came(struct arrivals *a, int fd)
{
	struct arrival *c = find_or_add(a, fd);

	if (!c)
		return;
	set_state(a, c, UNHEARD);
	c->ticks = 0;
	c->cookie = cookie_of(fd);
}

static void left(struct arrivals *a, int fd)
{
	struct arrival *c = find(a, fd);

	if (!c)
		return;
	set_state(a, c, GONE);
	c->left_at = a->readings + 1;
	a->somebody_left = true;
}

static void take(struct arrivals *a, enum handshake_event e, const char *address)
{
	bool is_connection = e == HANDSHAKE_CAME || e == HANDSHAKE_LEFT;

	if (!is_connection && a->opts.zap)
		zap_failed(a->opts.zap, e, address);
	if (!is_connection || !a->opts.ends_unheard)
		return;
	if (e == HANDSHAKE_CAME)
		came(a, a->handshakes.fd);
	else
		left(a, a->handshakes.fd);
}

/* Whether it was the last event. */
static bool take_some(struct arrivals *a)
{
	char address[128] = "";

	loop_socket_used(a->opts.loop, a->source);
	for (int i = 0; i < READ_BATCH; i++) {
		enum handshake_event e = handshakes_next(&a->handshakes, address, sizeof(address));

		if (e == HANDSHAKE_NONE) {
			loop_socket_rests(a->opts.loop, a->source);
			return true;
		}
		take(a, e, address);
	}
	return false;
}

static void receive(void *arg)
{
	struct arrivals *a = arg;

	a->somebody_left = false;
	take_some(a);
	if (a->somebody_left && a->opts.read)
		a->opts.read(a->opts.arg);
}

struct arrivals *arrivals_create(const struct arrivals_opts *opts, struct ksnap_err *err)
{
	struct arrivals *a = calloc(1, sizeof(*a));
	int rc;

	if (!a) {
		err_nomem(err);
		return NULL;
	}
	a->opts = *opts;
	rc = opts->ends_unheard
		     ? handshakes_watch_bound(&a->handshakes, opts->context, opts->socket, err)
		     : handshakes_watch(&a->handshakes, opts->context, opts->socket, err);
	if (!rc)
		a->source = loop_add_socket(opts->loop, a->handshakes.watch, receive, a, err);
	if (!rc && a->source > 0) {
		take_some(a);
		return a;
	}
	arrivals_destroy(a);
	return NULL;
}

void arrivals_destroy(struct arrivals *a)
{
	if (!a)
		return;
	if (a->source > 0)
		loop_remove(a->opts.loop, a->source);
	zmq_socket_monitor(a->opts.socket, NULL, 0);
	handshakes_close(&a->handshakes);
	free(a->table);
	free(a);
}

bool arrivals_listens(const struct arrivals *a)
{
	return a && a->unheard;
}

void arrivals_heard(struct arrivals *a, int fd, bool named)
{
	struct arrival *c = find(a, fd);

	if (c && c->state == UNHEARD && (!named || c->left_at <= a->readings))
		set_state(a, c, HEARD);
}

void arrivals_all_read(struct arrivals *a)
{
	if (a)
		a->readings++;
}

/* Its descriptor may have been given to another connection, whose end would be wrong. */
static bool end(const struct arrival *c, int fd)
{
	return c->cookie && cookie_of(fd) == c->cookie && !shutdown(fd, SHUT_RDWR);
}

unsigned arrivals_tick(struct arrivals *a)
{
	unsigned n = 0;

	if (!arrivals_listens(a) || !take_some(a))
		return 0;
	for (size_t fd = 0; fd < a->cap; fd++) {
		struct arrival *c = &a->table[fd];

		if (c->state == UNHEARD && ++c->ticks >= ARRIVALS_PATIENCE && end(c, (int)fd)) {
			set_state(a, c, GONE);
			n++;
		}
	}
	return n;
}
