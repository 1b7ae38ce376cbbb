// SPDX-License-Identifier: MIT
/* watched_rig.c - run the programs that write, decode hits. */
#include "watched_rig.h"

#include <bpf/bpf.h>
#include <msgpack.h>

#include "report/hit.h"
#include "tests/bpf/watched.h"

uint64_t watched_write(struct bpf_object *obj, const char *name, uint64_t times)
{
	struct watched_order o = { .times = times };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &o, .ctx_size_in = sizeof(o));
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);

	assert_non_null(p);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(p), &opts), 0);
	assert_int_equal(opts.retval, 0);
	return o.addr;
}

struct ksnap_hit watched_hit(const struct watch_news *n)
{
	struct ksnap_hit hit;
	msgpack_unpacked u;
	struct ksnap_err err;

	assert_int_equal(n->kind, WATCH_NEWS_HIT);
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, n->hit.p, n->hit.len, NULL),
			 MSGPACK_UNPACK_SUCCESS);
	if (hit_read(&u.data, &hit, &err))
		fail_msg("%s", err.text);
	msgpack_unpacked_destroy(&u);
	return hit;
}
