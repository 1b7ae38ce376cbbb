// SPDX-License-Identifier: MIT
/* behind.c - counts by age: the oldest is dropped when half a queue of messages came after it. */
#include "broker/behind.h"

#include <stddef.h>

#include "broker/unread.h"

void behind_fini(struct behind *b)
{
	for (unsigned i = 0; i < BEHIND_AGES; i++)
		unread_close(b->age[i]);
	*b = (struct behind){ 0 };
}

void behind_step(struct behind *b)
{
	if (++b->messages <= SUBSCRIBER_HWM / 2)
		return;
	unread_close(b->age[BEHIND_AGES - 1]);
	for (unsigned i = BEHIND_AGES - 1; i; i--)
		b->age[i] = b->age[i - 1];
	b->age[0] = NULL;
	b->messages = 1;
}

uint64_t behind_bytes(const struct behind *b)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < BEHIND_AGES; i++)
		sum += unread_bytes(b->age[i]);
	return sum;
}

struct ksnap_blob *behind_blob(struct behind *b, struct ksnap_blob *report)
{
	if (!b->age[0])
		b->age[0] = unread_create();
	return b->age[0] ? unread_blob(b->age[0], report) : NULL;
}
