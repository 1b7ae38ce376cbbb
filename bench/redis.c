// SPDX-License-Identifier: MIT
/* redis.c - RESP by hand: arrays of bulk strings go, lines come. */
#include "bench/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"

#define KEEP "64"

static void path_of(const struct rival *server, char *buf, size_t cap)
{
	snprintf(buf, cap, "%s/socket", server->folder);
}

int redis_start(struct rival *r)
{
	char path[128];
	/* Without a limit of what a subscriber may be behind: it would close the connection. */
	const char *const argv[] = { REDIS_PROGRAM,
				     "--port",
				     "0",
				     "--unixsocket",
				     path,
				     "--client-output-buffer-limit",
				     "pubsub",
				     "0",
				     "0",
				     "0",
				     "--appendonly",
				     "no",
				     "--save",
				     "",
				     NULL };

	if (rival_init(r))
		return -1;
	path_of(r, path, sizeof(path));
	return rival_spawn(r, argv) || rival_connect_unix(r, path) ? -1 : 0;
}

static void put_string(struct rival *r, const void *data, size_t len)
{
	buf_printf(&r->out, "$%zu\r\n", len);
	buf_append(&r->out, data, len);
	buf_append(&r->out, "\r\n", 2);
}

static void put_words(struct rival *r, const char *const *words, unsigned n, unsigned more)
{
	buf_printf(&r->out, "*%u\r\n", n + more);
	for (unsigned i = 0; i < n; i++)
		put_string(r, words[i], strlen(words[i]));
}

static void put_entry(struct rival *r, const void *data, size_t bytes)
{
	static const char *const words[] = { "XADD", "s", "MAXLEN", KEEP, "*", "report" };

	put_words(r, words, 6, 1);
	put_string(r, data, bytes);
}

/* "$15", then the entry's id. */
static int take_id(struct rival *r)
{
	char *line = rival_line(r);

	if (!line || *line != '$')
		return bench_wrong("Redis said: %s", line ? line : "nothing");
	return rival_line(r) ? 0 : -1;
}

static int ask_number(struct rival *r, const char *op, const char *key, long *ret)
{
	const char *const words[] = { op, key };
	char *line;

	put_words(r, words, 2, 0);
	line = rival_flush(r) ? NULL : rival_line(r);
	if (!line || *line != ':')
		return bench_wrong("Redis said: %s", line ? line : "nothing");
	*ret = atol(line + 1);
	return 0;
}

static int check_length(struct rival *r, unsigned ops)
{
	long length = 0;

	if (ask_number(r, "XLEN", "s", &length))
		return -1;
	return length == atoi(KEEP) || length == ops
		       ? 0
		       : bench_wrong("Redis keeps %ld entries", length);
}

int redis_store(struct rival *r, const void *data, size_t bytes, unsigned ops, unsigned in_flight)
{
	unsigned sent = 0, got = 0;

	while (got < ops) {
		for (; sent < ops && sent - got < in_flight; sent++)
			put_entry(r, data, bytes);
		if (rival_flush(r))
			return -1;
		do {
			if (take_id(r))
				return -1;
			got++;
		} while (got < sent && rival_has_line(r));
	}
	return check_length(r, ops);
}

int redis_publish(struct rival *r, const void *data, size_t bytes, unsigned ops,
		  unsigned subscribers)
{
	static const char *const words[] = { "PUBLISH", "c" };

	for (unsigned i = 0; i < ops; i++) {
		char *line;

		put_words(r, words, 2, 1);
		put_string(r, data, bytes);
		line = rival_flush(r) ? NULL : rival_line(r);
		if (!line || *line != ':' || atol(line + 1) != subscribers)
			return bench_wrong("Redis said: %s", line ? line : "nothing");
	}
	return 0;
}

int redis_subscribe(const struct rival *server, struct rival *ret)
{
	static const char *const words[] = { "SUBSCRIBE", "c" };
	char path[128], *line = NULL;

	memset(ret, 0, sizeof(*ret));
	path_of(server, path, sizeof(path));
	if (rival_connect_unix(ret, path))
		return -1;
	put_words(ret, words, 2, 0);
	if (rival_flush(ret))
		return -1;
	for (int i = 0; i < 6; i++) {
		line = rival_line(ret);
		if (!line)
			return -1;
	}
	return *line == ':' ? 0 : bench_wrong("Redis said: %s", line);
}

static int skip_bytes(struct rival *r, size_t n)
{
	while (n) {
		size_t here = r->len - r->at < n ? r->len - r->at : n;
		ssize_t more;

		r->at += here;
		n -= here;
		if (!n)
			break;
		r->at = r->len = 0;
		more = read(r->fd, r->in, sizeof(r->in));
		if (more <= 0)
			return bench_wrong("Redis hung up");
		r->len = more;
	}
	return 0;
}

/* "*3", "$7", "message", "$1", "c", "$BYTES", the bytes. */
int redis_read_messages(struct rival *r, size_t bytes, unsigned ops)
{
	for (unsigned i = 0; i < ops; i++) {
		char *line = NULL;

		for (int part = 0; part < 6; part++) {
			line = rival_line(r);
			if (!line)
				return -1;
		}
		if (*line != '$' || strtoul(line + 1, NULL, 10) != bytes)
			return bench_wrong("Redis said: %s", line);
		if (skip_bytes(r, bytes + 2))
			return -1;
	}
	return 0;
}
