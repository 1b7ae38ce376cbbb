// SPDX-License-Identifier: MIT
/* pings.c - follow the frames of ZMTP, for the sake of one that is too short. */
#include "cli/pings.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GREETING  64 /* bytes of ZMTP 3.x */
#define SIGNATURE 0xff
#define HAS_SIGN  0x01 /* of byte 9; without: ZMTP 1.0 */
#define VERSION   3    /* byte 10 */
#define LONG      2    /* flags of a frame */
#define COMMAND   4
#define PING_SIZE 7 /* "\4PING" and two bytes of time to live */
#define NAME_SIZE 5

static const char ready_name[] = "\5READY", identity[] = "Identity";

/* ---- a connection ---------------------------------------------------------------------------- */

static void take_greeting(struct pings *s, uint8_t byte)
{
	if ((s->at == 0 && byte != SIGNATURE) || (s->at == 9 && !(byte & HAS_SIGN)) ||
	    (s->at == 10 && byte < VERSION))
		s->state = PINGS_TOO_OLD;
	else if (++s->at == GREETING)
		s->state = PINGS_FLAGS;
}

static void take_length(struct pings *s, uint8_t byte)
{
	s->size = s->size << 8 | byte;
	if (--s->need)
		return;
	s->at = 0;
	s->left = s->size;
	s->is_ready = !s->has_begun; /* whatever its flags say: libzmq does not ask */
	s->has_begun = true;
	s->ready = (struct pings_ready){ 0 };
	s->state = s->size ? PINGS_BODY : PINGS_FLAGS;
}

static void take_flags(struct pings *s, uint8_t byte)
{
	s->flags = byte;
	s->need = byte & LONG ? 8 : 1;
	s->size = 0;
	s->state = PINGS_LENGTH;
}

/* "\4PI": no other command begins so. */
static void look_at(struct pings *s, uint8_t *p)
{
	if (s->at == 2 && s->before == 'P' && *p == 'I')
		*p = 'X';
	s->before = *p;
}

static void begin_part(struct pings_ready *r, int part, unsigned left)
{
	r->part = part;
	r->left = left;
}

static void take_name_size(struct pings_ready *r, uint8_t byte)
{
	r->is_it = byte == sizeof(identity) - 1;
	r->size = 0;
	begin_part(r, byte ? PINGS_NAME : PINGS_VALUE_SIZE, byte ? byte : 4);
}

static void take_name(struct pings_ready *r, uint8_t byte)
{
	if (r->is_it && byte != identity[sizeof(identity) - 1 - r->left])
		r->is_it = false;
	if (!--r->left)
		begin_part(r, PINGS_VALUE_SIZE, 4);
}

static void take_value_size(struct pings_ready *r, uint8_t byte)
{
	r->size = r->size << 8 | byte;
	r->is_first = true;
	if (!--r->left)
		begin_part(r, r->size ? PINGS_VALUE : PINGS_NAME_SIZE, r->size);
}

static void take_value(struct pings_ready *r, uint8_t *p)
{
	if (r->is_it && r->is_first && !*p)
		*p = 1;
	r->is_first = false;
	if (!--r->left)
		begin_part(r, PINGS_NAME_SIZE, 0);
}

/* The first frame is READY until another byte says that it is not. */
static void take_ready(struct pings *s, uint8_t *p)
{
	struct pings_ready *r = &s->ready;

	if (s->at < sizeof(ready_name) - 1)
		s->is_ready = *p == ready_name[s->at];
	else if (r->part == PINGS_NAME_SIZE)
		take_name_size(r, *p);
	else if (r->part == PINGS_NAME)
		take_name(r, *p);
	else if (r->part == PINGS_VALUE_SIZE)
		take_value_size(r, *p);
	else
		take_value(r, p);
}

/* How many bytes it took. */
static size_t take_body(struct pings *s, uint8_t *p, size_t n)
{
	bool is_short = s->flags & COMMAND && s->size >= NAME_SIZE && s->size < PING_SIZE;
	size_t some = is_short || s->is_ready ? 1 : n < s->left ? n : s->left;

	if (s->is_ready)
		take_ready(s, p);
	if (is_short)
		look_at(s, p);
	s->at += some;
	s->left -= some;
	if (!s->left)
		s->state = PINGS_FLAGS;
	return some;
}

void pings_pass(struct pings *s, uint8_t *p, size_t n)
{
	while (n && s->state != PINGS_TOO_OLD) {
		size_t some = 1;

		if (s->state == PINGS_GREETING)
			take_greeting(s, *p);
		else if (s->state == PINGS_FLAGS)
			take_flags(s, *p);
		else if (s->state == PINGS_LENGTH)
			take_length(s, *p);
		else
			some = take_body(s, p, n);
		p += some;
		n -= some;
	}
}

/* ---- all of them ----------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pings **by_fd;
static size_t cap;

static int make_room(int fd)
{
	size_t want = cap ? cap : 64;
	struct pings **more;

	if ((size_t)fd < cap)
		return 0;
	while (want <= (size_t)fd)
		want *= 2;
	more = realloc(by_fd, want * sizeof(*more));
	if (!more)
		return -1;
	by_fd = more;
	while (cap < want)
		by_fd[cap++] = NULL;
	return 0;
}

static void forget(int fd)
{
	if (fd < 0 || (size_t)fd >= cap)
		return;
	free(by_fd[fd]);
	by_fd[fd] = NULL;
}

int pings_begin(int fd)
{
	struct pings *s = calloc(1, sizeof(*s));
	int ret;

	pthread_mutex_lock(&lock);
	forget(fd);
	ret = s ? make_room(fd) : -1;
	if (!ret)
		by_fd[fd] = s;
	pthread_mutex_unlock(&lock);
	if (ret)
		free(s);
	return ret;
}

void pings_end(int fd)
{
	pthread_mutex_lock(&lock);
	forget(fd);
	pthread_mutex_unlock(&lock);
}

/* ---- in the place of libc's ------------------------------------------------------------------ */

static void begin_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void end_fork(void)
{
	pthread_mutex_unlock(&lock);
}

/* The connections are its parent's. */
static void begin_child(void)
{
	for (size_t fd = 0; fd < cap; fd++)
		forget(fd);
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void prepare(void)
{
	pthread_atfork(begin_fork, end_fork, begin_child);
}

#ifndef __SANITIZE_THREAD__ /* which has its own */

__attribute__((visibility("default"))) ssize_t recv(int fd, void *data, size_t len, int flags)
{
	ssize_t n = syscall(SYS_recvfrom, fd, data, len, flags, NULL, NULL);
	bool is_refused = false;

	if (n <= 0 || flags & MSG_PEEK || fd < 0)
		return n;
	pthread_mutex_lock(&lock);
	if ((size_t)fd < cap && by_fd[fd]) {
		pings_pass(by_fd[fd], data, n);
		is_refused = by_fd[fd]->state == PINGS_TOO_OLD;
	}
	pthread_mutex_unlock(&lock);
	if (is_refused)
		shutdown(fd, SHUT_RDWR);
	return is_refused ? 0 : n;
}

#endif
