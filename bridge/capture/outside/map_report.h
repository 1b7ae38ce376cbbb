/* SPDX-License-Identifier: MIT */
/* map_report.h - maps of a kernel seen from outside, as rows of a report. */
#ifndef KSNAP_CAPTURE_OUTSIDE_MAP_REPORT_H
#define KSNAP_CAPTURE_OUTSIDE_MAP_REPORT_H

#include "capture/outside/map_list.h"

/* One capture: the maps that @sel takes, those within maps of maps that it takes, and with @progs
 * all programs. A row for each map in every case, reasons for what is missing. Stops at the
 * deadline and says so. Negative: there can be no report. */
int seen_capture(struct seen *s, struct kernel *k, struct selection *sel, bool progs,
		 uint64_t deadline_mono_ns, struct report_builder *rb, struct ksnap_err *err);

#endif
