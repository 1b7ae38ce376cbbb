/* SPDX-License-Identifier: MIT */
/* pack.h - msgpack-c's packer writing into a struct buf. */
#ifndef KSNAP_WIRE_PACK_H
#define KSNAP_WIRE_PACK_H

#include <msgpack.h>
#include <string.h>

#include "base/buf.h"

static inline int pack_write(void *b, const char *data, size_t len)
{
	return buf_append(b, data, len);
}

static inline void pack_init(msgpack_packer *pk, struct buf *b)
{
	msgpack_packer_init(pk, b, pack_write);
}

static inline void pack_strn(msgpack_packer *pk, const char *s, size_t len)
{
	msgpack_pack_str(pk, len);
	msgpack_pack_str_body(pk, s, len);
}

static inline void pack_str(msgpack_packer *pk, const char *s)
{
	pack_strn(pk, s, strlen(s));
}

static inline void pack_bin(msgpack_packer *pk, const void *data, size_t len)
{
	msgpack_pack_bin(pk, len);
	msgpack_pack_bin_body(pk, data, len);
}

static inline void pack_bool(msgpack_packer *pk, bool v)
{
	v ? msgpack_pack_true(pk) : msgpack_pack_false(pk);
}

#endif
