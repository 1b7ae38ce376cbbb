/* SPDX-License-Identifier: MIT */
/* series.h - captures at a fixed rate, each under a tag of its own, until enough or a signal. */
#ifndef KSNAP_CLI_SERIES_H
#define KSNAP_CLI_SERIES_H

#include "cli/connect.h"
#include "cli/params.h"

#define SERIES_MIN_NS (10ull * 1000 * 1000) /* between two captures */

struct series_plan {
	uint64_t every_ns;
	uint64_t count;   /* 0: without end */
	uint64_t time_ns; /* 0: without end */
	bool changes;     /* print how each differs from the one before */
	bool raw;
};

/* Read --every, --count, --for and --changes. 1 when a series is asked for, 0 when not; E_ARG. */
int series_plan(const struct args *args, struct series_plan *ret, struct ksnap_err *err);
/* The captures are `<tag>_001` and so on; @p is the rest of their parameters. @fd is readable when
 * a signal asks for the end (stay.h). A capture that fails is told and counted, and so are those
 * whose time passed while another one took long. Negative: the broker is gone, or the first failed.
 */
int series_run(struct link *l, const struct series_plan *plan, const char *tag,
	       const struct params *p, const struct args *args, int fd, struct ksnap_err *err);

#define SERIES_OPTIONS                                                                              \
	{ "every",                                                                                  \
	  0,                                                                                        \
	  OPTION_STRING,                                                                            \
	  "DURATION",                                                                               \
	  "capture again and again, as TAG_001, TAG_002, ...; 10ms or more, until ^C",              \
	  0,                                                                                        \
	  0 },                                                                                      \
		{ "count", 'n', OPTION_UINT, "N", "with --every: end after N captures", 1, 0 },     \
		{ "for", 0, OPTION_STRING, "DURATION", "with --every: end after that time", 0, 0 }, \
	{                                                                                           \
		"changes", 0, OPTION_FLAG, NULL,                                                    \
			"with --every: print how each capture differs from the one before", 0, 0    \
	}

#endif
