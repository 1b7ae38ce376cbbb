// SPDX-License-Identifier: MIT
/* thawed.c - does a cgroup go on? */
#include "cli/thawed.h"

#include "cli/out.h"
#include "cli/print.h"
#include "report/reader.h"

void thawed_say(const struct cli *cli, const char *cgroup, const struct ksnap_reply *reply)
{
	msgpack_object_str above = { 0 };
	msgpack_unpacked u;
	struct ksnap_err err;

	if (object_decode(&u, reply->r, reply->r_len, &err) < 0)
		return;
	above = field_str(&u.data, "above");
	if (above.size)
		say_note(cli, "%s is thawed, but stands still: %.*s, above it, is frozen", cgroup,
			 (int)above.size, above.ptr);
	else
		say_note(cli, "%s goes on", cgroup);
	msgpack_unpacked_destroy(&u);
}
