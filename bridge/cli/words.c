// SPDX-License-Identifier: MIT
/* words.c - what an event or a live message says, as key=value words for people. */
#include "cli/words.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/print.h"

static bool is_frame_key(const msgpack_object *key)
{
	static const char *const names[] = { "seq", "ts", "mono", "k", "v", "epoch", "ch" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (key->type == MSGPACK_OBJECT_STR && key->via.str.size == strlen(names[i]) &&
		    memcmp(key->via.str.ptr, names[i], key->via.str.size) == 0)
			return true;
	return false;
}

void words_append(struct buf *out, const msgpack_object *map)
{
	const char *gap = "";

	for (uint32_t i = 0; map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];

		if (is_frame_key(&kv->key))
			continue;
		buf_printf(out, "%s", gap);
		print_plain(out, &kv->key);
		buf_printf(out, "=");
		print_plain(out, &kv->val);
		gap = " ";
	}
}
