/* SPDX-License-Identifier: MIT */
/* shapes_fill.h - put known values into the maps of shapes.bpf.c. */
#ifndef KSNAP_TESTS_SHAPES_FILL_H
#define KSNAP_TESTS_SHAPES_FILL_H

#include <bpf/libbpf.h>

#include "shapes.h"

/* Fill every map: @ntasks entries in tasks (at most SHAPE_TASKS), 16 in the other hashes. The same
 * values each time. 0, or a negative errno. */
int shapes_fill(const struct bpf_object *obj, unsigned ntasks);

/* What entry @i of tasks, and of levels, is made to hold. */
void shapes_task(unsigned i, struct shape_task *ret);
void shapes_stat(unsigned i, struct shape_stat *ret);

#endif
