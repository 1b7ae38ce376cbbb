// SPDX-License-Identifier: MIT
/* qmp.c - lines of JSON to qemu and back. */
#include "capture/guest/qmp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "capture/guest/dial.h"
#include "capture/guest/packet.h"

#define CHUNK 4096

/* To a stub: let the guest go on; and what it answers. */
#define DETACH   "+$D#44"
#define DETACHED "$OK#9a"

void qmp_close(struct qmp *q)
{
	uint64_t resets = q->resets;

	cleanup_close(&q->fd);
	buf_fini(&q->in);
	*q = QMP_INIT;
	q->resets = resets;
}

static int lose(struct qmp *q, struct ksnap_err *err, const char *what)
{
	cleanup_close(&q->fd);
	q->fd = -1;
	return err_set(err, KSNAP_E_TARGET, "qemu %s", what);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static int await(struct qmp *q, uint64_t deadline, struct ksnap_err *err)
{
	for (;;) {
		struct pollfd p = { .fd = q->fd, .events = POLLIN };
		uint64_t now = clock_mono_ns();
		int ms = now < deadline ? (deadline - now) / NS_PER_MS + 1 : 0;
		int n = poll(&p, 1, ms);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_errno(err, KSNAP_E_TARGET, errno, "poll");
		if (!n && clock_mono_ns() >= deadline)
			return err_set(err, KSNAP_E_TIMEOUT, "qemu does not answer");
	}
}

static int receive(struct qmp *q, uint64_t deadline, struct ksnap_err *err)
{
	int ret = await(q, deadline, err);
	void *room;
	ssize_t n;

	if (ret)
		return ret;
	if (q->in.len > QMP_LINE_MAX)
		return lose(q, err, "sent a message without an end");
	room = buf_reserve(&q->in, CHUNK);
	if (!room)
		return err_nomem(err);
	n = recv(q->fd, room, CHUNK, MSG_DONTWAIT);
	if (n > 0)
		buf_commit(&q->in, n);
	else if (!n || (errno != EAGAIN && errno != EINTR))
		return lose(q, err, "closed its QMP socket");
	return 0;
}

/* The next line; the one before it is forgotten. */
static int next_line(struct qmp *q, uint64_t deadline, struct json *ret, struct ksnap_err *err)
{
	const char *end;
	int code;

	if (q->taken)
		memmove(q->in.data, q->in.data + q->taken, q->in.len - q->taken);
	q->in.len -= q->taken;
	q->taken = 0;
	while (!(end = q->in.len ? memchr(q->in.data, '\n', q->in.len) : NULL)) {
		code = receive(q, deadline, err);
		if (code)
			return code;
	}
	*ret = (struct json){ (const char *)q->in.data, end - (const char *)q->in.data };
	q->taken = ret->len + 1;
	return 0;
}

static int send_line(struct qmp *q, const char *text, size_t len, struct ksnap_err *err)
{
	while (len) {
		ssize_t n = send(q->fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return lose(q, err,
				    n && errno == EAGAIN ? "takes nothing"
							 : "closed its QMP socket");
		text += n;
		len -= n;
	}
	return 0;
}

/* ---- messages -------------------------------------------------------------------------------- */

static int say_error(const char *command, struct json error, struct ksnap_err *err)
{
	char class[64] = "", desc[256] = "";
	struct json part;

	if (json_member(error, "class", &part))
		json_string(part, class, sizeof(class));
	if (json_member(error, "desc", &part))
		json_string(part, desc, sizeof(desc));
	return err_set(err, strcmp(class, "CommandNotFound") ? KSNAP_E_TARGET : KSNAP_E_UNSUPPORTED,
		       "qemu refuses '%s': %s (%s)", command, desc, class);
}

static void note_event(struct qmp *q, struct json line)
{
	struct json event;

	if (json_member(line, "event", &event) && json_is(event, "\"RESET\""))
		q->resets++;
}

void qmp_listen(struct qmp *q)
{
	struct json line;

	while (q->fd >= 0 && !next_line(q, 0, &line, NULL))
		note_event(q, line);
}

/* The answer with this id; events and answers to earlier calls go by. */
static int await_answer(struct qmp *q, const char *command, uint64_t id, uint64_t deadline,
			struct json *ret, struct ksnap_err *err)
{
	char want[24];
	struct json line, part;

	snprintf(want, sizeof(want), "%llu", (unsigned long long)id);
	for (;;) {
		int code = next_line(q, deadline, &line, err);

		if (code)
			return code;
		note_event(q, line);
		if (!json_member(line, "id", &part) || !json_is(part, want))
			continue;
		if (json_member(line, "error", &part))
			return say_error(command, part, err);
		if (!json_member(line, "return", &part))
			return lose(q, err, "sent an answer that is none");
		if (ret)
			*ret = part;
		return 0;
	}
}

int qmp_call(struct qmp *q, const char *command, const char *arguments, uint64_t deadline,
	     struct json *ret, struct ksnap_err *err)
{
	uint64_t id = q->next_id++;
	_free_ char *text = NULL;
	int len, code;

	if (q->fd < 0)
		return err_set(err, KSNAP_E_TARGET, "qemu is not connected");
	len = asprintf(&text, "{\"execute\": \"%s\", \"arguments\": %s, \"id\": %llu}\n", command,
		       arguments ? arguments : "{}", (unsigned long long)id);
	if (len < 0) {
		text = NULL;
		return err_nomem(err);
	}
	log_debug("qmp: says %.*s", len - 1, text);
	code = send_line(q, text, len, err);
	return code ? code : await_answer(q, command, id, deadline, ret, err);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static int is_busy(const char *path, struct ksnap_err *err)
{
	return err_set(
		err, KSNAP_E_BUSY,
		"qemu does not greet at %s: another client has this socket, or qemu hangs; "
		"give ksnap a -qmp socket of its own (if this is its gdbstub, that has stopped "
		"the guest: cont)",
		path);
}

static int dial(struct qmp *q, const char *path, uint64_t deadline, struct ksnap_err *err)
{
	static const struct dial_words words = { "the QMP socket's path", "qemu" };
	int fd = dial_path(path, &words, deadline, err);

	if (fd < 0)
		return fd == KSNAP_E_TIMEOUT ? is_busy(path, err) : fd;
	q->fd = fd;
	return 0;
}

/* 1: a stub. Nothing else says, unasked, why a machine stands still. */
static int is_stub(struct qmp *q, uint64_t deadline, struct ksnap_err *err)
{
	char text[PACKET_MAX];
	struct packet_stop s;
	size_t taken;

	while (!q->in.len || q->in.data[0] == '$') {
		enum packet_state state = packet_unwrap(q->in.data, q->in.len, text, &taken);
		int ret;

		if (state != PACKET_PART)
			return state == PACKET_WHOLE && packet_stop(text, &s);
		ret = receive(q, deadline, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* qemu's gdbstub stops the guest for who connects. What qemu has not done when the connection ends,
 * it does not do. */
static int leave_stub(struct qmp *q, const char *path, uint64_t deadline, struct ksnap_err *err)
{
	size_t len = strlen(DETACHED);
	int ret = send_line(q, DETACH, strlen(DETACH), NULL);

	while (!ret && !memmem(q->in.data, q->in.len, DETACHED, len))
		ret = receive(q, deadline, NULL);
	return err_set(err, KSNAP_E_TARGET,
		       "%s is qemu's gdbstub, which stopped the guest when ksnap connected%s; name "
		       "the socket of -qmp there, and this one as gdb=",
		       path, ret ? ", and does not let it go on: cont" : "; it goes on again");
}

/* A client that is not the only one is connected and hears nothing. */
static int greet(struct qmp *q, const char *path, uint64_t deadline, struct ksnap_err *err)
{
	struct json line, part;
	int code = is_stub(q, deadline, err);

	if (code > 0)
		return leave_stub(q, path, deadline, err);
	if (!code)
		code = next_line(q, deadline, &line, err);
	if (code == KSNAP_E_TIMEOUT)
		return is_busy(path, err);
	if (code)
		return code;
	if (!json_member(line, "QMP", &part))
		return err_set(err, KSNAP_E_TARGET, "%s does not speak QMP", path);
	return qmp_call(q, "qmp_capabilities", NULL, deadline, NULL, err);
}

int qmp_open(struct qmp *q, const char *path, uint64_t deadline, struct ksnap_err *err)
{
	int code;

	qmp_close(q);
	code = dial(q, path, deadline, err);
	if (!code)
		code = greet(q, path, deadline, err);
	if (code)
		qmp_close(q);
	return code;
}
