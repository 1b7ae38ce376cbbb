// SPDX-License-Identifier: MIT
/* target_check.c - find mistakes in a target's name before a worker dies of them. */
#include "cli/target_check.h"

#include "base/error.h"
#include "capture/target.h"

static int check(const char *name, struct ksnap_err *err)
{
	const struct target_ops *ops;
	const char *options;
	struct target *t;

	ops = target_find(name, &options, err);
	if (!ops)
		return KSNAP_E_ARG;
	t = ops->open(options, err);
	if (!t)
		return err && err->code ? err_prefix(err, "target %.100s", name) : KSNAP_E_ARG;
	ops->close(t);
	return 0;
}

int target_check_all(const char *const *targets, struct ksnap_err *err)
{
	int r = 0;

	for (; *targets && r == 0; targets++)
		r = check(*targets, err);
	return r;
}
