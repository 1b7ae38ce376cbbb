/* SPDX-License-Identifier: MIT */
/* probes.h - what a guest needs, one thing a row. */
#ifndef KSNAP_CAPTURE_GUEST_PROBES_H
#define KSNAP_CAPTURE_GUEST_PROBES_H

#include "capture/probe.h"

/* The guest stands still for a moment when its stub is tried. */
extern const struct probe guest_probes[];

#endif
