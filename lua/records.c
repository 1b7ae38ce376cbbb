// SPDX-License-Identifier: MIT
/* records.c - length-prefixed msgpack on a pipe between processes of one run. */
#include "lua/records.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/pack.h"

static int write_all(int fd, const void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EPIPE ? 0 : KSNAP_E_INTERNAL;
		done += (size_t)n;
	}
	return 0;
}

int records_send(int fd, const void *data, size_t len)
{
	_buf_ struct buf b = BUF_INIT;
	uint32_t size = (uint32_t)len;

	if (len > RECORD_MAX)
		return KSNAP_E_LIMIT;
	buf_append(&b, &size, sizeof(size));
	buf_append(&b, data, len);
	return buf_ok(&b) ? write_all(fd, b.data, b.len) : KSNAP_E_NOMEM;
}

void records_send_failure(int fd, const char *name, const char *text, int code)
{
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &b);
	msgpack_pack_map(&pk, 4);
	pack_str(&pk, "k");
	pack_str(&pk, "result");
	pack_str(&pk, "name");
	pack_str(&pk, name);
	pack_str(&pk, "code");
	msgpack_pack_int(&pk, code);
	pack_str(&pk, "failures");
	msgpack_pack_array(&pk, 1);
	msgpack_pack_map(&pk, 1);
	pack_str(&pk, "message");
	pack_str(&pk, text);
	if (buf_ok(&b))
		records_send(fd, b.data, b.len);
}

int records_take(struct buf *in, void (*fn)(void *arg, const void *data, size_t len), void *arg,
		 struct ksnap_err *err)
{
	size_t at = 0;
	uint32_t size;

	while (in->len - at >= sizeof(size)) {
		memcpy(&size, in->data + at, sizeof(size));
		if (size > RECORD_MAX)
			return err_set(err, KSNAP_E_PROTO, "a record of %u bytes, at most %u", size,
				       RECORD_MAX);
		if (in->len - at - sizeof(size) < size)
			break;
		fn(arg, in->data + at + sizeof(size), size);
		at += sizeof(size) + size;
	}
	if (at)
		memmove(in->data, in->data + at, in->len - at);
	in->len -= at;
	return 0;
}
