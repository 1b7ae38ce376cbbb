/* SPDX-License-Identifier: MIT */
/* subscriber.h - what the monitor needs of a subscriber, beyond ksnap.h. */
#ifndef KSNAP_CLIENT_SUBSCRIBER_H
#define KSNAP_CLIENT_SUBSCRIBER_H

#include <stdint.h>

#include "ksnap.h"

/* Messages of the live bus that were read so far, beats among them, whatever became of them: as
 * long as this grows the broker lives. */
uint64_t subscriber_heard(const struct ksnap_subscriber *s);

#endif
