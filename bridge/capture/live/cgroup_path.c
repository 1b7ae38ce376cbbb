// SPDX-License-Identifier: MIT
/* cgroup_path.c - mounts are read anew each time: a hierarchy may be mounted meanwhile. */
#include "capture/live/cgroup_path.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"

/* A mount of either version, as a walk over the table sees it. */
struct mount_walk {
	FILE *f;
	struct mntent m;
	char line[PATH_MAX + 512];
};

static int walk_begin(struct mount_walk *w, const char *mounts, struct ksnap_err *err)
{
	w->f = setmntent(mounts, "re");
	return w->f ? 0 : err_errno(err, KSNAP_E_TARGET, errno, "cannot read %s", mounts);
}

/* The next mounted hierarchy: 1 or 2 for its version; 0 at the end, which ends the walk. */
static unsigned walk_next(struct mount_walk *w)
{
	while (getmntent_r(w->f, &w->m, w->line, sizeof(w->line))) {
		if (strlen(w->m.mnt_dir) >= PATH_MAX)
			continue;
		if (!strcmp(w->m.mnt_type, "cgroup2"))
			return 2;
		if (!strcmp(w->m.mnt_type, "cgroup"))
			return 1;
	}
	endmntent(w->f);
	w->f = NULL;
	return 0;
}

static void walk_fini(struct mount_walk *w)
{
	if (w->f)
		endmntent(w->f);
}

#define _walk_ __attribute__((cleanup(walk_fini)))

static int refuse_no_v2(struct ksnap_err *err)
{
	return err_set(
		err, KSNAP_E_UNSUPPORTED,
		"no cgroup v2 hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup, or "
		"name a v1 hierarchy by its controller, such as cpu:/a/b");
}

int cgroup_root(const char *mounts, char *buf, size_t cap, struct ksnap_err *err)
{
	_walk_ struct mount_walk w = { 0 };
	unsigned version;
	int ret = walk_begin(&w, mounts, err);

	if (ret)
		return ret;
	while ((version = walk_next(&w))) {
		if (version != 2 || strlen(w.m.mnt_dir) >= cap)
			continue;
		memcpy(buf, w.m.mnt_dir, strlen(w.m.mnt_dir) + 1);
		return 0;
	}
	return refuse_no_v2(err);
}

/* ---- what a name means ----------------------------------------------------------------------- */

static bool climbs(const char *path)
{
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && !strncmp(p, "..", 2))
			return true;
		p += len + (p[len] == '/');
	}
	return false;
}

/* One '/' between names and none at the end, so that paths can be compared. */
static int set_path(struct cgroup_place *p, const char *path, struct ksnap_err *err)
{
	size_t len = 0;

	if (strlen(path) >= sizeof(p->path))
		return err_set(err, KSNAP_E_ARG, "the cgroup's path is longer than %d bytes",
			       PATH_MAX - 1);
	for (; *path; path++) {
		if (*path != '/' || !len || p->path[len - 1] != '/')
			p->path[len++] = *path;
	}
	if (len > 1 && p->path[len - 1] == '/')
		len--;
	if (!len)
		p->path[len++] = '/';
	p->path[len] = 0;
	return 0;
}

/* Mount options that every hierarchy may have; what else stands there is a controller. */
static bool is_controller(const char *word, size_t len)
{
	static const char *const others[] = {
		"rw",       "ro",          "relatime",  "noatime", "nodev",
		"nosuid",   "noexec",      "noprefix",  "xattr",   "clone_children",
		"seclabel", "strictatime", "nodiratime"
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (strlen(others[i]) == len && !strncmp(others[i], word, len))
			return false;
	}
	return len && strncmp(word, "release_agent=", 14) != 0;
}

/* Does the mount have @controller? All it has are appended to @seen. */
static bool has_controller(const char *options, const char *controller, size_t len,
			   struct buf *seen)
{
	bool found = false;

	for (const char *p = options; *p;) {
		size_t n = strcspn(p, ",");

		if (is_controller(p, n)) {
			buf_printf(seen, "%s%.*s", seen->len ? ", " : "", (int)n, p);
			found = found || (n == len && !strncmp(p, controller, n));
		}
		p += n + (p[n] == ',');
	}
	return found;
}

static int find_by_controller(const char *mounts, const char *name, size_t len,
			      struct cgroup_place *ret, struct ksnap_err *err)
{
	_walk_ struct mount_walk w = { 0 };
	_buf_ struct buf seen = BUF_INIT;
	unsigned version;
	int code = walk_begin(&w, mounts, err);

	if (code)
		return code;
	while ((version = walk_next(&w))) {
		if (version != 1 || !has_controller(w.m.mnt_opts, name, len, &seen))
			continue;
		ret->version = 1;
		strcpy(ret->root, w.m.mnt_dir);
		return set_path(ret, name + len + 1, err);
	}
	return err_set(err, KSNAP_E_NOTFOUND,
		       "cgroup '%s': no v1 hierarchy is mounted with '%.*s'; mounted are: %.*s",
		       name, (int)len, name, seen.len ? (int)seen.len : 4,
		       seen.len ? (char *)seen.data : "none");
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

/* The mount that lies deepest above @name, else the v2 hierarchy from its root. */
static int find_by_path(const char *mounts, const char *name, struct cgroup_place *ret,
			struct ksnap_err *err)
{
	_walk_ struct mount_walk w = { 0 };
	char v2[PATH_MAX] = "";
	unsigned version;
	int code = walk_begin(&w, mounts, err);

	if (code)
		return code;
	ret->version = 0;
	ret->root[0] = 0;
	while ((version = walk_next(&w))) {
		if (version == 2 && !v2[0])
			strcpy(v2, w.m.mnt_dir);
		if (!is_below(name, w.m.mnt_dir) || strlen(w.m.mnt_dir) < strlen(ret->root))
			continue;
		ret->version = version;
		strcpy(ret->root, w.m.mnt_dir);
	}
	if (ret->version)
		return set_path(ret, name + strlen(ret->root), err);
	if (!v2[0])
		return refuse_no_v2(err);
	ret->version = 2;
	strcpy(ret->root, v2);
	return set_path(ret, name, err);
}

int cgroup_find(const char *mounts, const char *name, struct cgroup_place *ret,
		struct ksnap_err *err)
{
	size_t head = strcspn(name, ":/");
	bool by_controller = head && name[head] == ':' && name[head + 1] == '/';

	if ((name[0] != '/' && !by_controller) || climbs(name))
		return err_set(err, KSNAP_E_ARG,
			       "cgroup '%s': give a path that begins with / (or with a v1 "
			       "controller, such as cpu:/) and has no '..' in it",
			       name);
	return by_controller ? find_by_controller(mounts, name, head, ret, err)
			     : find_by_path(mounts, name, ret, err);
}

/* ---- opening --------------------------------------------------------------------------------- */

static bool exists(const struct cgroup_place *p)
{
	char dir[2 * PATH_MAX];

	snprintf(dir, sizeof(dir), "%s%s", p->root, p->path);
	return access(dir, F_OK) == 0;
}

static int explain_missing(const struct cgroup_place *p, const char *file, struct ksnap_err *err)
{
	if (!exists(p))
		return err_set(err, KSNAP_E_NOTFOUND, "no cgroup %s below %s", p->path, p->root);
	return err_set(err, KSNAP_E_UNSUPPORTED, "cgroup %s%s has no %s%s", p->root, p->path, file,
		       strcmp(p->path, "/") ? "" : ": it is the root of its hierarchy");
}

int cgroup_open(const struct cgroup_place *p, const char *file, int flags, struct ksnap_err *err)
{
	char path[2 * PATH_MAX + 64];
	int fd;

	snprintf(path, sizeof(path), "%s%s/%s", p->root, p->path, file);
	fd = open(path, flags | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENOTDIR)
		return explain_missing(p, file, err);
	if (errno == EACCES || errno == EPERM)
		return err_set(err, KSNAP_E_DENIED, "this process may not open %s", path);
	return err_errno(err, KSNAP_E_TARGET, errno, "cannot open %s", path);
}
