// SPDX-License-Identifier: MIT
/* cgroups.c - from the root of the v2 hierarchy along the lists of children. */
#include "capture/outside/cgroups.h"

#include <string.h>

#include "base/error.h"

#define NAME_BYTES 256 /* of a file's name, with its NUL */

static bool is_called(struct kernel *k, uint64_t cgroup, const char *name, size_t len)
{
	char is[NAME_BYTES];
	uint64_t at = cgroup;

	return kernel_member(k, at, k->at.cgroup__kn, &at) &&
	       kernel_member(k, at, k->at.kernfs_node__name, &at) &&
	       space_string(&k->image.space, at, is, sizeof(is)) && strlen(is) == len &&
	       !memcmp(is, name, len);
}

/* The child of *at that is called so, in its place. */
static int step_down(struct kernel *k, uint64_t *at, const char *name, size_t len,
		     struct ksnap_err *err)
{
	const struct layout *l = &k->at;
	uint64_t head = *at + l->cgroup__self.off + l->cgroup_subsys_state__children.off;
	uint64_t node = head, cgroup;

	for (unsigned i = 0; i < CGROUPS_MAX; i++) {
		if (!space_u64(&k->image.space, node, &node))
			break;
		if (node == head)
			return err_set(err, KSNAP_E_NOTFOUND, "there is no cgroup %.*s", (int)len,
				       name);
		cgroup = node - l->cgroup_subsys_state__sibling.off - l->cgroup__self.off;
		if (is_called(k, cgroup, name, len)) {
			*at = cgroup;
			return 0;
		}
	}
	return err_set(err, KSNAP_E_TARGET,
		       "the list of cgroups beside %.*s leads out of memory, or has no end",
		       (int)len, name);
}

int cgroups_find(struct kernel *k, const char *path, uint64_t *ret, struct ksnap_err *err)
{
	const struct layout *l = &k->at;
	int code = 0;

	if (strchr(path, ':') && (!strchr(path, '/') || strchr(path, ':') < strchr(path, '/')))
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "%s is of a v1 hierarchy: from outside only v2 ones are found",
			       path);
	if (!l->cgroup_subsys_state__children.size || !l->cgroup_subsys_state__sibling.size ||
	    !symbols_find(&k->image.symbols, "cgrp_dfl_root", ret))
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "the kernel's symbols or types do not tell where its cgroups are");
	*ret += l->cgroup_root__cgrp.off;
	while (!code && *path) {
		size_t len = strcspn(path, "/");

		if (len)
			code = step_down(k, ret, path, len, err);
		path += len + (path[len] == '/');
	}
	return code;
}
