/* SPDX-License-Identifier: MIT */
/* perf_holders.h - which processes hold perf events: who may have the debug registers. */
#ifndef KSNAP_CAPTURE_LIVE_PERF_HOLDERS_H
#define KSNAP_CAPTURE_LIVE_PERF_HOLDERS_H

#include <stddef.h>

/* "ksnap (pid 12), perf (pid 40) and 2 more", or that none can be seen. As far as /proc shows. */
void perf_holders_words(char *buf, size_t cap);

#endif
