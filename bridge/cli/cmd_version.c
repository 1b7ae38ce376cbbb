// SPDX-License-Identifier: MIT
/* cmd_version.c - ksnap version: of ksnap and of what it is built on. */
#include <bpf/libbpf.h>
#include <lua.h>
#include <stdio.h>
#include <zmq.h>

#include "cli/commands.h"
#include "cli/out.h"
#include "cli/print.h"
#include "wire/pack.h"

static const struct option_row options[] = { { 0 } };

static void pack_versions(struct buf *b)
{
	char zmq[32];
	int major, minor, patch;
	msgpack_packer pk;

	zmq_version(&major, &minor, &patch);
	snprintf(zmq, sizeof(zmq), "%d.%d.%d", major, minor, patch);
	pack_init(&pk, b);
	msgpack_pack_map(&pk, 7);
	pack_str(&pk, "version");
	pack_str(&pk, ksnap_version());
	pack_str(&pk, "api");
	msgpack_pack_uint64(&pk, KSNAP_API_LEVEL);
	pack_str(&pk, "protocol");
	msgpack_pack_uint64(&pk, KSNAP_PROTOCOL);
	pack_str(&pk, "libzmq");
	pack_str(&pk, zmq);
	pack_str(&pk, "msgpack");
	pack_str(&pk, msgpack_version());
	pack_str(&pk, "libbpf");
	pack_str(&pk, libbpf_version_string());
	pack_str(&pk, "lua");
	pack_str(&pk, LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE);
}

static int run_version(const struct cli *cli, const struct args *args)
{
	_buf_ struct buf b = BUF_INIT;
	struct ksnap_reply reply;
	struct ksnap_err err;
	int r;

	pack_versions(&b);
	reply = (struct ksnap_reply){ .r = b.data, .r_len = b.len };
	r = print_reply(cli, &reply, NULL, &err);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_version = {
	.name = "version",
	.summary = "say the version of ksnap and of its libraries",
	.usage = "",
	.options = options,
	.run = run_version,
};
