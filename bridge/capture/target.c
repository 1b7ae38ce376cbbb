// SPDX-License-Identifier: MIT
/* target.c - the kinds of target there are. */
#include "capture/target.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

static const struct target_ops *const targets[] = { &target_live, &target_guest, &target_core,
						    &target_fixture };

static int list_kinds(char *buf, size_t cap)
{
	size_t len = 0;

	buf[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(targets) && len < cap; i++)
		len += snprintf(buf + len, cap - len, "%s%s", i ? ", " : "", targets[i]->kind);
	return len;
}

const struct target_ops *target_find(const char *name, const char **ret_options,
				     struct ksnap_err *err)
{
	size_t len = strcspn(name, ":");
	char kinds[128];

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		if (strlen(targets[i]->kind) != len || strncmp(targets[i]->kind, name, len))
			continue;
		*ret_options = name + len + (name[len] == ':');
		return targets[i];
	}
	list_kinds(kinds, sizeof(kinds));
	err_set(err, KSNAP_E_ARG, "no kind of target is called '%.*s'; there are: %s", (int)len,
		name, kinds);
	return NULL;
}
