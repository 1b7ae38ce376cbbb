/* SPDX-License-Identifier: MIT */
/* place.h - find a value in a report by what a user types.
 *
 *   nr_switches            a BPF global; obj.bss:nr_switches when two have the name
 *   stats.hits[2]          a part of one
 *   tasks[1234].ctx.weight a part of a map's entry, by key: a number, a word, hex:00ff
 *   tasks[#0]              the entry by its place in the report
 *   id:7[#0]               of one among several maps of a name
 *   counts[7][cpu=1]       one CPU's value of a per-CPU map
 */
#ifndef KSNAP_CLI_PLACE_H
#define KSNAP_CLI_PLACE_H

#include "ksnap.h"

/* E_NOTFOUND says what is there; E_ARG: several maps have the name. */
int place_find(const struct ksnap_snapshot *s, const char *path, struct ksnap_value *ret,
	       struct ksnap_err *err);

#endif
