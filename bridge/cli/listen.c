// SPDX-License-Identifier: MIT
/* listen.c - where a broker listens: default endpoints, their folder, which addresses are safe. */
#include "cli/listen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define IPC "ipc://"

static const char *ipc_path(const char *url)
{
	const char *path = url + strlen(IPC);

	return strncmp(url, IPC, strlen(IPC)) == 0 && *path == '/' ? path : NULL;
}

static int put_endpoint(char ret[LISTEN_MAX], const char *dir, int dir_len, const char *sub,
			const char *name, struct ksnap_err *err)
{
	int n = snprintf(ret, LISTEN_MAX, IPC "%.*s%s/%s", dir_len, dir, sub, name);

	return n < LISTEN_MAX ? 0
			      : err_set(err, KSNAP_E_ARG, "an endpoint has at most %d bytes",
					LISTEN_MAX - 1);
}

int listen_default(const char *name, const char *control, char ret[LISTEN_MAX],
		   struct ksnap_err *err)
{
	const char *path = control ? ipc_path(control) : NULL;
	const char *dir = geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");

	if (path)
		return put_endpoint(ret, path, strrchr(path, '/') - path, "", name, err);
	if (!dir || dir[0] != '/')
		return err_set(err, KSNAP_E_STATE,
			       "XDG_RUNTIME_DIR is not set, so there is no default place for "
			       "sockets; name an endpoint");
	return put_endpoint(ret, dir, strlen(dir), "/ksnap", name, err);
}

int listen_make_folder(const char *url, gid_t group, struct ksnap_err *err)
{
	const char *path = ipc_path(url), *slash = path ? strrchr(path, '/') : NULL;
	bool shared = group != (gid_t)-1;
	_free_ char *dir = NULL;

	if (!slash || slash == path)
		return 0;
	dir = strndup(path, slash - path);
	if (!dir)
		return err_nomem(err);
	if (mkdir(dir, shared ? 0750 : 0700) < 0) {
		if (errno == EEXIST)
			return 0;
		return err_errno(err, errno == EACCES ? KSNAP_E_DENIED : KSNAP_E_STATE, errno,
				 "cannot make the folder %s", dir);
	}
	/* The mask of the process must not decide who may enter. */
	if (shared && (chown(dir, -1, group) < 0 || chmod(dir, 0750) < 0))
		return err_errno(err, KSNAP_E_DENIED, errno, "cannot give %s to the group", dir);
	return 0;
}

int listen_give_to(const char *url, gid_t group, struct ksnap_err *err)
{
	const char *path = ipc_path(url);

	if (path && chown(path, -1, group) < 0)
		return err_errno(err, KSNAP_E_DENIED, errno, "cannot give %s to the group", path);
	return 0;
}

static bool is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost:", 10) == 0 ||
	       strncmp(host, "[::1]:", 6) == 0;
}

int listen_check(const char *url, bool encrypted, bool insecure, struct ksnap_err *err)
{
	if (strncmp(url, IPC, strlen(IPC)) == 0 || strncmp(url, "inproc://", 9) == 0)
		return 0;
	if (strncmp(url, "tcp://", 6) != 0)
		return err_set(err, KSNAP_E_ARG,
			       "cannot bind %s: an endpoint begins with ipc:// or tcp://", url);
	if (encrypted)
		return 0;
	if (!insecure)
		return err_set(err, KSNAP_E_ARG,
			       "will not bind %s: tcp takes keys, --curve-secret FILE and "
			       "--authorised FILE (ksnap keygen makes them); without any, "
			       "--insecure permits a loopback address",
			       url);
	if (!is_loopback(url + 6))
		return err_set(err, KSNAP_E_ARG,
			       "will not bind %s: --insecure permits loopback addresses only "
			       "(127.0.0.1, [::1], localhost)",
			       url);
	return 0;
}
