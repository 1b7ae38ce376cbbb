// SPDX-License-Identifier: MIT
/* sched.c - read /sys/kernel/sched_ext: one small file a fact, and one of event counters. */
#include "capture/live/sched.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/utf8.h"
#include "wire/pack.h"

#define FILE_MAX   4096
#define EVENTS_MAX 256 /* counters kept */

/* Text of @name, NUL-terminated and without its last newline; false when there is none. */
static bool read_text(int dir, const char *name, char *buf)
{
	_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, FILE_MAX - 1);

	if (n < 0)
		return false;
	while (n && buf[n - 1] == '\n')
		n--;
	buf[n] = 0;
	return strlen(buf) == (size_t)n && utf8_sound(buf, n) == (size_t)n;
}

static bool parse_number(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return isdigit((unsigned char)*text) && !*end && !errno;
}

/* ---- one kind of fact each; each gives how many keys it wrote -------------------------------- */

static unsigned pack_word(msgpack_packer *pk, int dir, const char *file, const char *key)
{
	char text[FILE_MAX];

	if (!read_text(dir, file, text))
		return 0;
	pack_str(pk, key);
	pack_str(pk, text);
	return 1;
}

static unsigned pack_number(msgpack_packer *pk, int dir, const char *file, const char *key)
{
	char text[FILE_MAX];
	uint64_t v;

	if (!read_text(dir, file, text) || !parse_number(text, &v))
		return 0;
	pack_str(pk, key);
	msgpack_pack_uint64(pk, v);
	return 1;
}

/* "name value", with a newline after each. */
static size_t parse_events(char *text, const char **names, uint64_t *values)
{
	char *line, *save = NULL;
	size_t n = 0;

	for (line = strtok_r(text, "\n", &save); line && n < EVENTS_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		char *space = strchr(line, ' ');

		if (!space || space == line || !parse_number(space + 1, &values[n]))
			continue;
		*space = 0;
		names[n++] = line;
	}
	return n;
}

static unsigned pack_events(msgpack_packer *pk, int dir)
{
	const char *names[EVENTS_MAX];
	uint64_t values[EVENTS_MAX];
	char text[FILE_MAX];
	size_t n;

	if (!read_text(dir, "root/events", text) && !read_text(dir, "events", text))
		return 0;
	n = parse_events(text, names, values);
	pack_str(pk, "events");
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++) {
		msgpack_pack_map(pk, 2);
		pack_str(pk, "name");
		pack_str(pk, names[i]);
		pack_str(pk, "count");
		msgpack_pack_uint64(pk, values[i]);
	}
	return 1;
}

int sched_pack(const char *dir, struct buf *out, struct ksnap_err *err)
{
	_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_buf_ struct buf facts = BUF_INIT;
	msgpack_packer pk;
	unsigned n;

	if (fd < 0)
		return 1;
	pack_init(&pk, &facts);
	n = pack_word(&pk, fd, "state", "state");
	n += pack_word(&pk, fd, "root/ops", "ops");
	n += pack_number(&pk, fd, "switch_all", "switch_all");
	n += pack_number(&pk, fd, "nr_rejected", "nr_rejected");
	n += pack_number(&pk, fd, "hotplug_seq", "hotplug_seq");
	n += pack_number(&pk, fd, "enable_seq", "enable_seq");
	n += pack_events(&pk, fd);
	pack_init(&pk, out);
	msgpack_pack_map(&pk, n);
	if (facts.len)
		buf_append(out, facts.data, facts.len);
	return buf_ok(&facts) && buf_ok(out) ? 0 : err_nomem(err);
}

bool sched_read(const char *dir, struct sched_now *ret)
{
	_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[FILE_MAX];

	*ret = (struct sched_now){ 0 };
	if (fd < 0 || !read_text(fd, "state", text) || strcmp(text, "enabled"))
		return false;
	if (read_text(fd, "enable_seq", text) && !parse_number(text, &ret->times))
		ret->times = 0;
	if (!read_text(fd, "root/ops", text))
		return false;
	snprintf(ret->ops, sizeof(ret->ops), "%.*s", (int)sizeof(ret->ops) - 1, text);
	return true;
}

bool sched_runs_still(const char *dir, const struct sched_now *then)
{
	struct sched_now now;

	return sched_read(dir, &now) && now.times == then->times && !strcmp(now.ops, then->ops);
}
