/* SPDX-License-Identifier: MIT */
/* log.h - one log line a call, to a sink that main() chose.
 *
 * Libraries never print: with no sink set, lines go nowhere. Secrets (keys) are never logged. */
#ifndef KSNAP_BASE_LOG_H
#define KSNAP_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

typedef void (*log_sink_fn)(enum log_level level, const char *line);

/* Lines up to and including @max go to @sink; NULL silences. Set before threads start. */
void log_set_sink(log_sink_fn sink, enum log_level max);
/* Sink that writes "ksnap: warning: …" to stderr in one write. */
void log_to_stderr(enum log_level level, const char *line);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
