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
		if (!first)
			a->state = ACCESSOR_SUCCEEDED;
		else if (!ksnap_err_retry(err.code))
			a->state = ACCESSOR_FAILED_PERMANENTLY;
		return;
	}
	a->err = (struct ksnap_err){ 0 };
	a->state = ACCESSOR_SUCCEEDED;
	a->seqno++;
}

bool accessor_may_retry(const struct accessor *a)
{
	return a->state == ACCESSOR_TRYING && a->err.code;
}

int accessor_need(struct accessor *a, const struct target_ops *ops, struct target *t,
		  struct ksnap_err *err)
{
	if (accessor_may_retry(a))
		accessor_renew(a, ops, t);
	if (a->state == ACCESSOR_SUCCEEDED)
		return 0;
	if (!a->err.code)
		return err_set(err, KSNAP_E_STATE, "the target is still being prepared");
	return err_set(err, a->err.code, "%s", a->err.text);
}
