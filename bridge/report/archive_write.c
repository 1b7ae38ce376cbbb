// SPDX-License-Identifier: MIT
/* archive_write.c - the items of a collection, names of files, names of snapshots. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "report/archive.h"
#include "wire/pack.h"
#include "wire/scan.h"

int archive_put_head(struct buf *out, const char *bridge)
{
	msgpack_packer pk;

	pack_init(&pk, out);
	msgpack_pack_map(&pk, 4);
	pack_str(&pk, "schema");
	pack_str(&pk, ARCHIVE_SCHEMA);
	pack_str(&pk, "ts");
	msgpack_pack_int64(&pk, clock_real_ns());
	pack_str(&pk, "bridge");
	pack_str(&pk, bridge);
	pack_str(&pk, "version");
	pack_str(&pk, ksnap_version());
	return buf_ok(out) ? 0 : -1;
}

int archive_put_row(struct buf *out, const void *row, size_t len)
{
	struct scan_head head;
	msgpack_packer pk;

	if (scan_head(row, len, &head) || head.type != SCAN_MAP)
		return -1;
	pack_init(&pk, out);
	msgpack_pack_map(&pk, head.items / 2 + 1);
	pack_str(&pk, "k");
	pack_str(&pk, "snapshot");
	return buf_append(out, (const uint8_t *)row + head.size, len - head.size);
}

int archive_put_end(struct buf *out, uint64_t count, uint64_t bytes, const void *events,
		    size_t events_len)
{
	msgpack_packer pk;

	pack_init(&pk, out);
	msgpack_pack_map(&pk, events ? 4 : 3);
	pack_str(&pk, "k");
	pack_str(&pk, "end");
	pack_str(&pk, "count");
	msgpack_pack_uint64(&pk, count);
	pack_str(&pk, "bytes");
	msgpack_pack_uint64(&pk, bytes);
	if (events) {
		pack_str(&pk, "events");
		buf_append(out, events, events_len);
	}
	return buf_ok(out) ? 0 : -1;
}

static bool stands_for_itself(unsigned char c, bool is_first)
{
	bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

	return is_letter || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       (c == '.' && !is_first);
}

void archive_name(const char *tag, char ret[ARCHIVE_NAME_MAX])
{
	size_t len = 0;

	for (size_t i = 0; tag[i] && i < KSNAP_TAG_MAX; i++) {
		if (stands_for_itself(tag[i], i == 0))
			ret[len++] = tag[i];
		else
			len += sprintf(ret + len, "%%%02X", (unsigned char)tag[i]);
	}
	memcpy(ret + len, ARCHIVE_SUFFIX, sizeof(ARCHIVE_SUFFIX));
}

void snapshot_name_read(const char *arg, struct snapshot_name *ret)
{
	const char *colon = strstr(arg, ARCHIVE_SUFFIX ":");
	size_t len = strlen(arg), suffix = strlen(ARCHIVE_SUFFIX);

	if (!strncmp(arg, "tag:", 4))
		*ret = (struct snapshot_name){ .tag = arg + 4 };
	else if (len >= suffix && !strcmp(arg + len - suffix, ARCHIVE_SUFFIX))
		*ret = (struct snapshot_name){ .is_file = true, .len = len };
	else if (colon)
		*ret = (struct snapshot_name){ true, colon + suffix - arg, colon + suffix + 1 };
	else if (strchr(arg, '/'))
		*ret = (struct snapshot_name){ .is_file = true, .len = len };
	else
		*ret = (struct snapshot_name){ .tag = arg };
}
