// SPDX-License-Identifier: MIT
/* replace.c - write beside the file, sync, rename over it. */
#include "base/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"

#define PRIVATE_MODE 0600

int file_error_code(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return KSNAP_E_NOTFOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return KSNAP_E_DENIED;
	case ENOMEM:
		return KSNAP_E_NOMEM;
	default:
		return KSNAP_E_TARGET;
	}
}

static int fail(const char *what, const char *path, struct ksnap_err *err)
{
	int errnum = errno;

	return err_errno(err, file_error_code(errnum), errnum, "cannot %s %s", what, path);
}

/* The folder of @path, to be freed. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : slash - path);
}

/* What the new file shall be called and may be like: the end of symbolic links, the old one's mode.
 */
static int look_at(struct replacement *r, const char *path, mode_t *ret_mode, struct ksnap_err *err)
{
	struct stat st;

	*ret_mode = PRIVATE_MODE;
	if (!*path)
		return err_set(err, KSNAP_E_NOTFOUND, "an empty path names no file");
	if (lstat(path, &st) < 0) {
		if (errno != ENOENT)
			return fail("write", path, err);
		r->path = strdup(path);
		return r->path ? 0 : err_nomem(err);
	}
	r->path = realpath(path, NULL);
	if (!r->path || stat(r->path, &st) < 0)
		return fail("write", path, err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, KSNAP_E_ARG, "%s is %s, not a file: name another", path,
			       S_ISDIR(st.st_mode) ? "a folder" : "a device, a pipe or a socket");
	*ret_mode = st.st_mode & 0777;
	return 0;
}

static int make_temp(struct replacement *r, mode_t mode, struct ksnap_err *err)
{
	_free_ char *folder = folder_of(r->path);

	if (!folder || asprintf(&r->temp, "%s/.ksnap-XXXXXX", folder) < 0) {
		r->temp = NULL;
		return err_nomem(err);
	}
	r->fd = mkostemp(r->temp, O_CLOEXEC);
	if (r->fd < 0) {
		free(take_ptr(r->temp));
		return fail("make a file in", folder, err);
	}
	return mode == PRIVATE_MODE || fchmod(r->fd, mode) == 0
		       ? 0
		       : fail("set the mode of", r->temp, err);
}

int replace_begin(struct replacement *r, const char *path, struct ksnap_err *err)
{
	mode_t mode;
	int rc;

	*r = REPLACEMENT_INIT;
	rc = look_at(r, path, &mode, err);
	if (!rc)
		rc = make_temp(r, mode, err);
	if (rc)
		replace_abandon(r);
	return rc;
}

int replace_write(struct replacement *r, const void *data, size_t len, struct ksnap_err *err)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(r->fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail("write", r->path, err);
		p += n;
		len -= n;
		r->written += n;
	}
	return 0;
}

/* Some file systems cannot sync a folder, and say so. */
static int sync_folder(const char *path, struct ksnap_err *err)
{
	_free_ char *folder = folder_of(path);
	_close_ int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (!folder)
		return err_nomem(err);
	if (fd >= 0 && fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP)
		return fail("sync the folder of", path, err);
	return 0;
}

int replace_commit(struct replacement *r, struct ksnap_err *err)
{
	int rc = 0;

	if (fsync(r->fd) < 0)
		rc = fail("write", r->path, err);
	else if (close(take_fd(r->fd)) < 0)
		rc = fail("write", r->path, err);
	else if (rename(r->temp, r->path) < 0)
		rc = fail("write", r->path, err);
	if (!rc) {
		free(take_ptr(r->temp));
		rc = sync_folder(r->path, err);
	}
	replace_abandon(r);
	return rc;
}

void replace_abandon(struct replacement *r)
{
	int saved = errno;

	if (r->fd >= 0)
		close(r->fd);
	if (r->temp)
		unlink(r->temp);
	free(r->temp);
	free(r->path);
	*r = REPLACEMENT_INIT;
	errno = saved;
}
