// SPDX-License-Identifier: MIT
/* procs_rows.c - cgroup.procs records in the shapes of replies. */
#include "broker/procs_rows.h"

#include <stdlib.h>

struct wire_list pids_list(const struct ksnap_procs *p)
{
	uint64_t *wide = calloc(p->npids ? p->npids : 1, sizeof(*wide));

	for (size_t i = 0; wide && i < p->npids; i++)
		wide[i] = p->pids[i];
	return (struct wire_list){ wide, wide ? p->npids : 0 };
}
