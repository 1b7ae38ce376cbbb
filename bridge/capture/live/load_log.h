/* SPDX-License-Identifier: MIT */
/* load_log.h - the end of what libbpf says on this thread, instead of on stderr. */
#ifndef KSNAP_CAPTURE_LIVE_LOAD_LOG_H
#define KSNAP_CAPTURE_LIVE_LOAD_LOG_H

/* From the first call on libbpf prints nothing in this process. Keep what it says on this thread
 * until load_log_end, beginning empty. */
void load_log_begin(void);
void load_log_end(void);
/* The last whole lines of it that fit an error's text; good until the next load_log_begin. */
const char *load_log_tail(void);

#endif
