/* SPDX-License-Identifier: MIT */
/* keys.h - who may do what: the file of authorised client keys.
 *
 * A line is `KEY ROLE[,ROLE] NAME`: a public key in Z85, roles, a name for people. Empty lines, and
 * those that begin with # and a blank, say nothing. The highest of observe, capture, watch, write
 * and admin counts; `worker` is apart from them: the right to be a capture worker, and no other. */
#ifndef KSNAP_BROKER_KEYS_H
#define KSNAP_BROKER_KEYS_H

#include <stdbool.h>

#include "ksnap.h"
#include "wire/curve.h"

#define KEYS_MAX 4096

struct keys;

struct key_row {
	char key[CURVE_KEY + 1];
	char name[KSNAP_TAG_MAX + 1];
	int right; /* enum wire_right, or -1: only a worker's */
	bool worker;
};

/* E_ARG names the line; E_DENIED: others than its owner may change the file. */
struct keys *keys_load(const char *path, struct ksnap_err *err);
void keys_free(struct keys *k);
/* NULL: not authorised. */
const struct key_row *keys_find(const struct keys *k, const char *key);
size_t keys_count(const struct keys *k);
/* Does @now leave out a key of @before that had a right? */
bool keys_lost_rights(const struct keys *before, const struct keys *now);

#endif
