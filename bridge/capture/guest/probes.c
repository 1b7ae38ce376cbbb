// SPDX-License-Identifier: MIT
/* probes.c - find the kernel in the guest's memory, set a watch that nothing hits. */
#include "capture/guest/probes.h"

#include <stdio.h>

#include "base/error.h"
#include "capture/guest/guest.h"
#include "capture/target.h"

#define NEVER_WRITTEN "linux_banner"

static void say(struct probe_finding *f, enum probe_verdict otherwise, int code, const char *good,
		const struct ksnap_err *err)
{
	f->verdict = code < 0 ? otherwise : PROBE_GOOD;
	snprintf(f->found, sizeof(f->found), "%s", code < 0 ? err->text : good);
}

static void look_memory(const char *options, struct probe_finding *ret)
{
	struct ksnap_err err = { 0 };
	struct target *t = target_guest.open(options, &err);
	int code = t ? guest_need_kernel(t, &err) : err.code;

	say(ret, PROBE_MISSING, code, "qemu answers, and its kernel is found in its memory", &err);
	target_guest.close(t);
}

static int try_watch(struct target *t, struct ksnap_err *err)
{
	const struct watch_request rq = {
		.id = 1, .symbol = NEVER_WRITTEN, .len = 8, .rate = 1, .burst = 1
	};
	struct watch_place place;
	struct watch_counts counts;
	int code = target_guest.arm(t, &rq, &place, err);

	return code ? code : target_guest.disarm(t, rq.id, &counts, err);
}

static void look_stub(const char *options, struct probe_finding *ret)
{
	struct ksnap_err err = { 0 };
	struct target *t = target_guest.open(options, &err);
	int code = err.code;

	if (t && outside_option(&t->machine.opts, "gdb")) {
		code = try_watch(t, &err);
	} else if (t) {
		code = err_set(&err, KSNAP_E_STATE, "no stub is named");
		ret->mend =
			"qemu -gdb unix:STUB,server=on,wait=off, and gdb=STUB behind the target";
	}
	say(ret, PROBE_LIMITED, code, "a watch can be set", &err);
	target_guest.close(t);
}

const struct probe guest_probes[] = {
	{ "memory", "everything", look_memory },
	{ "stub", "watches", look_stub },
	{ 0 },
};
