/* SPDX-License-Identifier: MIT */
/* listing.h - what is there, for a message: as many items as fit, then "...". */
#ifndef KSNAP_REPORT_LISTING_H
#define KSNAP_REPORT_LISTING_H

#include <stddef.h>

/* Zeroed is empty. */
struct list {
	char text[320];
	size_t len;
	unsigned n;
};

void list_add(struct list *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "none" when nothing was added. */
const char *list_text(const struct list *l);

#endif
