/* SPDX-License-Identifier: MIT */
/* listen.h - where a broker listens: default endpoints, their folder, which addresses are safe. */
#ifndef KSNAP_CLI_LISTEN_H
#define KSNAP_CLI_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ksnap.h"

#define LISTEN_MAX 256 /* bytes of an endpoint with its NUL */

/* The default endpoint of socket @name ("control", "live", "work"): beside @control when that is an
 * ipc endpoint, else in /run/ksnap for root, else in $XDG_RUNTIME_DIR/ksnap. E_STATE when that
 * variable is not set. @control may be NULL. */
int listen_default(const char *name, const char *control, char ret[LISTEN_MAX],
		   struct ksnap_err *err);
/* Make the folder of an ipc endpoint: 0700, or 0750 and owned by @group unless that is -1. One
 * that is there already is left alone. */
int listen_make_folder(const char *url, gid_t group, struct ksnap_err *err);
/* Give an ipc endpoint's socket to @group. */
int listen_give_to(const char *url, gid_t group, struct ksnap_err *err);
/* May a broker bind @url? tcp takes keys (@encrypted), or @insecure and a loopback address. E_ARG
 * says so. */
int listen_check(const char *url, bool encrypted, bool insecure, struct ksnap_err *err);

#endif
