/* SPDX-License-Identifier: MIT */
/* endpoint.h - which broker is meant, and whether one is there.
 *
 * An explicit URL wins; else the environment variable KSNAP_ENDPOINT; else the socket `control` in
 * /run/ksnap for root, in $XDG_RUNTIME_DIR/ksnap for everyone else. */
#ifndef KSNAP_CLIENT_ENDPOINT_H
#define KSNAP_CLIENT_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#define ENDPOINT_MAX 256 /* bytes of a URL with its NUL */

/* The endpoint of a user who named none, written to @buf. 0; E_NOTFOUND: not root and
 * XDG_RUNTIME_DIR is not set; E_LIMIT: it does not fit @cap. @buf is untouched on failure. */
int endpoint_default(char *buf, size_t cap);
/* The rule behind it, on given values: @named is KSNAP_ENDPOINT, @runtime_dir XDG_RUNTIME_DIR;
 * NULL and "" mean not set. */
int endpoint_pick(const char *named, bool is_root, const char *runtime_dir, char *buf, size_t cap);

/* Whether somebody may listen at @url. For ipc:// a connection is tried, and a socket that exists
 * but may not be used counts as listening. Always true for the other transports, where only an
 * answer can tell. */
bool endpoint_listens(const char *url);
/* Whether an ipc:// @url is there but its permissions keep this process out. */
bool endpoint_is_barred(const char *url);
/* Both with one look: each is a connection that the broker has to accept. */
enum endpoint_state { ENDPOINT_ABSENT, ENDPOINT_BARRED, ENDPOINT_LISTENS };
enum endpoint_state endpoint_look(const char *url);

bool endpoint_is_tcp(const char *url);
/* Whether a broker there is a thread of this process. */
bool endpoint_is_inproc(const char *url);
/* Whether @other, @len bytes, begins with the "scheme://" of @url. */
bool endpoint_same_scheme(const char *url, const char *other, size_t len);
/* How a client that reached the broker at @control reaches @told, an endpoint the broker is bound
 * to: a tcp wildcard host is replaced by @control's. 0 or E_LIMIT. */
int endpoint_reach(const char *control, const char *told, size_t told_len, char *buf, size_t cap);

#endif
