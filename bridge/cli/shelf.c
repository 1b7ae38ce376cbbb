// SPDX-License-Identifier: MIT
/* shelf.c - a folder that takes the reports of the live bus, a file each. */
#include "cli/shelf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/replace.h"
#include "report/archive.h"

static int make_folder(const char *path, struct ksnap_err *err)
{
	struct stat st;

	if (mkdir(path, 0777) == 0)
		return 0;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return err_errno(err, file_error_code(errno), errno, "cannot make the folder %s", path);
}

int shelf_init(struct shelf *s, const char *folder, struct ksnap_err *err)
{
	*s = (struct shelf){ .folder = folder };
	return make_folder(folder, err);
}

/* FOLDER/BRIDGE.EPOCH, to be freed; the name is written as that of a tag is. */
static int bridge_folder(const struct shelf *s, const struct ksnap_live_msg *msg, char **ret,
			 struct ksnap_err *err)
{
	const char *slash = strchr(msg->channel, '/');
	char name[ARCHIVE_NAME_MAX];
	int len;

	archive_name(slash ? slash + 1 : msg->channel, name);
	len = strlen(name) - strlen(ARCHIVE_SUFFIX);
	if (asprintf(ret, "%s/%.*s.%" PRIu64, s->folder, len, name, msg->epoch) < 0) {
		*ret = NULL;
		return err_nomem(err);
	}
	return make_folder(*ret, err);
}

static int put_file(const char *path, struct ksnap_blob *report, struct ksnap_err *err)
{
	_replacement_ struct replacement file = REPLACEMENT_INIT;
	int r = replace_begin(&file, path, err);

	if (r == 0)
		r = replace_write(&file, ksnap_blob_data(report), ksnap_blob_size(report), err);
	return r == 0 ? replace_commit(&file, err) : r;
}

int shelf_put(struct shelf *s, const struct ksnap_live_msg *msg, const char *tag,
	      struct ksnap_blob *report, struct ksnap_err *err)
{
	_free_ char *folder = NULL, *path = NULL;
	char name[ARCHIVE_NAME_MAX];
	int r = bridge_folder(s, msg, &folder, err);

	if (r < 0)
		return r;
	archive_name(tag, name);
	if (asprintf(&path, "%s/%08" PRIu64 "-%s", folder, msg->seq, name) < 0) {
		path = NULL;
		return err_nomem(err);
	}
	r = put_file(path, report, err);
	s->saved += r == 0;
	return r;
}
