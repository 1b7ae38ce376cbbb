/* SPDX-License-Identifier: MIT */
/* probes.h - what the running kernel must let us do for the target live. */
#ifndef KSNAP_CAPTURE_LIVE_PROBES_H
#define KSNAP_CAPTURE_LIVE_PROBES_H

#include "capture/probe.h"

extern const struct probe live_probes[];

#endif
