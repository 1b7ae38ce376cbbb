/* SPDX-License-Identifier: MIT */
/* fake_client.h - ksnap_client_* with a script in place of a broker, linked instead of libclient.
 */
#ifndef KSNAP_TESTS_FAKE_CLIENT_H
#define KSNAP_TESTS_FAKE_CLIENT_H

#include "ksnap.h"

struct fake {
	bool unreachable;    /* connect fails */
	const char *fail_op; /* this op fails with E_TARGET, "it broke" */
	char log[8192];      /* "op {params}" a line, as msgpack-c prints objects */
	unsigned open;       /* clients connected and not destroyed */
};

extern struct fake fake;

/* Forget what was stored and logged. */
void fake_reset(void);

/* The report that `get` gives: map tasks (hash of struct row {char comm[8]; struct {u64 run_ns}
 * time; enum state state; s32 nice}), per-CPU map cpus (u64, 2 CPUs), probe.bss with nr_switches
 * = 42. */
struct ksnap_blob *fake_report(const char *tag);
/* A report that only says why there is none. */
struct ksnap_blob *fake_placeholder(const char *tag);

#endif
