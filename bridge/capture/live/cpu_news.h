/* SPDX-License-Identifier: MIT */
/* cpu_news.h - the kernel's word that a CPU came or went, as soon as it has. */
#ifndef KSNAP_CAPTURE_LIVE_CPU_NEWS_H
#define KSNAP_CAPTURE_LIVE_CPU_NEWS_H

#include <stdbool.h>
#include <stddef.h>

#include "ksnap.h"

/* A socket that is readable when the kernel tells of a device; -1 with @err: it tells nothing here.
 */
int cpu_news_open(struct ksnap_err *err);
/* Take what has come, never blocking. True: a CPU came or went, or something was lost. */
bool cpu_news_read(int fd);

/* Is this message (NUL-terminated words one after the other) about a CPU? */
bool cpu_news_is_one(const char *words, size_t len);

#endif
