// SPDX-License-Identifier: MIT
/* accessor.c - run a target's accessor_init and keep its outcome. */
#include "capture/accessor.h"

#include "base/error.h"

void accessor_renew(struct accessor *a, const struct target_ops *ops, struct target *t)
{
	struct ksnap_err err = { 0 };
	bool first = a->state == ACCESSOR_TRYING;

	if (!ops->accessor_init) {
		a->state = ACCESSOR_SUCCEEDED;
		return;
	}
	if (a->state == ACCESSOR_FAILED_PERMANENTLY)
		return;
	if (ops->accessor_init(t, &err)) {
		a->err = err;
		a->state = first ? ACCESSOR_FAILED_PERMANENTLY : ACCESSOR_SUCCEEDED;
		return;
	}
	a->err = (struct ksnap_err){ 0 };
	a->state = ACCESSOR_SUCCEEDED;
	a->seqno++;
}

int accessor_check(const struct accessor *a, struct ksnap_err *err)
{
	if (a->state == ACCESSOR_SUCCEEDED)
		return 0;
	if (a->state == ACCESSOR_TRYING)
		return err_set(err, KSNAP_E_STATE, "the target is still being prepared");
	return err_set(err, a->err.code, "%s", a->err.text);
}
