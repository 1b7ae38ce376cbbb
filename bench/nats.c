// SPDX-License-Identifier: MIT
/* nats.c - the client protocol by hand: INFO, CONNECT, SUB, PUB, MSG, PING. */
#include "bench/nats.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"

#define STREAM                                                                                \
	"{\"name\":\"S\",\"subjects\":[\"s\"],\"retention\":\"limits\",\"max_msgs\":64,"      \
	"\"discard\":\"old\",\"storage\":\"memory\",\"num_replicas\":1,\"max_consumers\":-1," \
	"\"max_bytes\":-1,\"max_age\":0,\"max_msg_size\":-1,\"duplicate_window\":0}"
#define TRIES      500
#define BETWEEN_NS 10000000

/* With a port of its choice it writes a file that names it: {"nats":["nats://127.0.0.1:PORT"],...}
 */
static unsigned port_in(const char *folder, const char *name)
{
	char path[512], text[512] = "", *at;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	at = strstr(text, "nats://127.0.0.1:");
	return at ? strtoul(at + 17, NULL, 10) : 0;
}

static unsigned look_for_port(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	unsigned port = 0;

	while (d && !port && (entry = readdir(d)))
		port = strstr(entry->d_name, ".ports") ? port_in(folder, entry->d_name) : 0;
	if (d)
		closedir(d);
	return port;
}

static unsigned wait_for_port(const char *folder)
{
	const struct timespec between = { .tv_nsec = BETWEEN_NS };
	unsigned port = 0;

	for (int i = 0; i < TRIES && !port; i++) {
		port = look_for_port(folder);
		nanosleep(&between, NULL);
	}
	return port;
}

/* The next line that is not the server's own: a PING is answered. */
static char *next(struct rival *r)
{
	for (;;) {
		char *line = rival_line(r);

		if (!line || *line == '-')
			return bench_wrong("NATS said: %s", line ? line : "nothing"), NULL;
		if (!strncmp(line, "PING", 4)) {
			buf_append(&r->out, "PONG\r\n", 6);
			if (rival_flush(r))
				return NULL;
		} else if (*line && *line != '+' && strncmp(line, "INFO", 4)) {
			return line;
		}
	}
}

/* "MSG subject sid [reply] length", then its body in one line. */
static char *next_body(struct rival *r)
{
	char *line = next(r);

	if (!line)
		return NULL;
	if (strncmp(line, "MSG ", 4))
		return bench_wrong("NATS said: %s", line), NULL;
	return rival_line(r);
}

static int make_stream(struct rival *r)
{
	char *body;

	buf_printf(&r->out,
		   "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":false}\r\n"
		   "SUB _I.* 1\r\nPUB $JS.API.STREAM.CREATE.S _I.0 %zu\r\n%s\r\n",
		   strlen(STREAM), STREAM);
	if (rival_flush(r))
		return -1;
	body = next_body(r);
	if (!body)
		return -1;
	return strstr(body, "\"error\"") ? bench_wrong("NATS said: %s", body) : 0;
}

int nats_start(struct rival *r)
{
	char store[128];
	const char *const argv[] = { NATS_PROGRAM, "-a",  "127.0.0.1",
				     "-p",         "-1",  "--ports_file_dir",
				     r->folder,    "-js", "-sd",
				     store,        NULL };
	unsigned port;

	if (rival_init(r))
		return -1;
	snprintf(store, sizeof(store), "%s/store", r->folder);
	if (rival_spawn(r, argv))
		return -1;
	port = wait_for_port(r->folder);
	if (!port)
		return bench_wrong("NATS does not tell its port");
	return rival_connect_port(r, port) || make_stream(r) ? -1 : 0;
}

static unsigned long seq_in(const char *ack)
{
	const char *at = strstr(ack, "\"seq\":");

	return at ? strtoul(at + 6, NULL, 10) : 0;
}

int nats_store(struct rival *r, const void *data, size_t bytes, unsigned ops, unsigned in_flight,
	       unsigned long before)
{
	unsigned sent = 0, got = 0;
	unsigned long seq = 0;

	while (got < ops) {
		for (; sent < ops && sent - got < in_flight; sent++) {
			buf_printf(&r->out, "PUB s _I.1 %zu\r\n", bytes);
			buf_append(&r->out, data, bytes);
			buf_append(&r->out, "\r\n", 2);
		}
		if (rival_flush(r))
			return -1;
		do {
			char *ack = next_body(r);

			if (!ack)
				return -1;
			seq = seq_in(ack);
			got++;
		} while (got < sent && rival_has_line(r));
	}
	return seq == before + ops ? 0 : bench_wrong("NATS took %lu of %lu", seq, before + ops);
}
