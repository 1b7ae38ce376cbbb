/* SPDX-License-Identifier: MIT */
/* curve.h - keys of CURVE, ZeroMQ's encryption, and sockets that use them.
 *
 * Keys are text in Z85: 40 characters. Secret ones are in files that only their owner may read, and
 * in no message, log line or error. */
#ifndef KSNAP_WIRE_CURVE_H
#define KSNAP_WIRE_CURVE_H

#include <stdbool.h>
#include <stddef.h>

#include "ksnap.h"

#define CURVE_KEY 40 /* characters of a key */

struct curve_pair {
	char public_key[CURVE_KEY + 1];
	char secret_key[CURVE_KEY + 1];
};

/* What a connection needs: the key of the broker, and one's own. */
struct curve_link {
	char server[CURVE_KEY + 1]; /* "": the connection is not encrypted */
	struct curve_pair own;
};

/* A new pair. E_UNSUPPORTED: this libzmq has no CURVE. */
int curve_make(struct curve_pair *ret, struct ksnap_err *err);
/* Whether @text is a key by its form. */
bool curve_is_key(const char *text, size_t len);
/* Read the file that `ksnap keygen` wrote. E_DENIED when others than its owner may read it. */
int curve_read(const char *path, struct curve_pair *ret, struct ksnap_err *err);
/* From the broker's public key @server and the file @key; both or neither (NULL or "") are given.
 */
int curve_link_make(const char *server, const char *key, struct curve_link *ret,
		    struct ksnap_err *err);
/* Overwrite the secrets. */
void curve_pair_clear(struct curve_pair *pair);

/* Have @socket connect so. NULL and a link that is not encrypted change nothing. */
int curve_connects(void *socket, const struct curve_link *link, struct ksnap_err *err);
/* What @socket binds from here on: the ZAP handler is asked about each peer, under @domain, and
 * what passes is encrypted unless @pair is NULL. */
int curve_serves(void *socket, const struct curve_pair *pair, const char *domain,
		 struct ksnap_err *err);

#endif
