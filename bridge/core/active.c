// SPDX-License-Identifier: MIT
/* active.c - the active bridge of each thread, and the guards that restore it.
 *
 * A thread keeps the serial numbers of the guards it has open. A guard that is left while others
 * are open inside it closes those too; leaving one of them later, or from another thread, only
 * gives back its references. So no order of leaving can bring a left bridge back. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "ksnap.h"

#define GUARDS_TRACKED 64 /* deeper ones are trusted to be left innermost first */

static _Atomic uint64_t last_serial;

static _Thread_local struct {
	struct ksnap_bridge *active; /* a reference of its own */
	unsigned depth;              /* guards open */
	uint64_t serials[GUARDS_TRACKED];
} self;

struct ksnap_guard ksnap_bridge_enter(struct ksnap_bridge *b)
{
	struct ksnap_guard guard = {
		.prior = self.active,
		.self = ksnap_bridge_ref(b),
		.serial = atomic_fetch_add(&last_serial, 1) + 1,
		.depth = ++self.depth,
	};

	if (guard.depth <= GUARDS_TRACKED)
		self.serials[guard.depth - 1] = guard.serial;
	self.active = ksnap_bridge_ref(b);
	return guard;
}

static bool is_open(const struct ksnap_guard *guard)
{
	if (guard->depth > self.depth)
		return false;
	return guard->depth > GUARDS_TRACKED || self.serials[guard->depth - 1] == guard->serial;
}

void ksnap_bridge_leave(struct ksnap_guard *guard)
{
	int saved = errno;

	if (!guard || !guard->self)
		return;
	if (is_open(guard)) {
		ksnap_bridge_unref(self.active);
		self.active = take_ptr(guard->prior);
		self.depth = guard->depth - 1;
	}
	ksnap_bridge_unref(take_ptr(guard->prior));
	ksnap_bridge_unref(take_ptr(guard->self));
	errno = saved;
}

int ksnap_with_active_bridge(int (*fn)(struct ksnap_bridge *b, void *arg), void *arg, int *ret)
{
	struct ksnap_bridge *b = self.active;
	int result;

	if (!b)
		return KSNAP_E_STATE;
	ksnap_bridge_ref(b);
	result = fn(b, arg);
	ksnap_bridge_unref(b);
	if (ret)
		*ret = result;
	return 0;
}
