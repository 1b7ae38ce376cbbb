/* SPDX-License-Identifier: MIT */
/* shelf.h - a folder that takes the reports of the live bus, a file each.
 *
 * A report goes to FOLDER/BRIDGE.EPOCH/SEQ-TAG.ksnap: neither another bridge nor another life of
 * the broker nor a tag that comes again replaces one that is there. */
#ifndef KSNAP_CLI_SHELF_H
#define KSNAP_CLI_SHELF_H

#include <stdint.h>

#include "ksnap.h"

struct shelf {
	const char *folder; /* borrowed; made when it is not there */
	uint64_t saved;
};

int shelf_init(struct shelf *s, const char *folder, struct ksnap_err *err);
/* Keep @report, that of @msg, a message of a channel report/<bridge>, under @tag. */
int shelf_put(struct shelf *s, const struct ksnap_live_msg *msg, const char *tag,
	      struct ksnap_blob *report, struct ksnap_err *err);

#endif
