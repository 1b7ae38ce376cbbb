/* SPDX-License-Identifier: MIT */
/* facts.h - what the kernel of a guest says of itself, for comparing with what is seen from
 * outside. */
#ifndef TESTS_GUEST_FACTS_H
#define TESTS_GUEST_FACTS_H

#include <stdio.h>

/* Ids in the file @rest of the v2 hierarchy, behind a blank. */
void print_members(FILE *port, const char *rest);
/* /proc/stat */
void print_cpus(FILE *port, const char *rest);
/* Counters of NUMA node 0, a name and a number a line; nothing on a kernel without nodes. */
void print_nodes(FILE *port, const char *rest);
/* The number and name of every process. */
void print_tasks(FILE *port, const char *rest);
/* Every BPF link: number, kind, program, and what it is attached to. */
void print_links(FILE *port, const char *rest);

#endif
