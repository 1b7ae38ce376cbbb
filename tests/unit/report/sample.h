/* SPDX-License-Identifier: MIT */
/* sample.h - reports and types made in one line, for the tests of this folder. */
#ifndef KSNAP_TESTS_REPORT_SAMPLE_H
#define KSNAP_TESTS_REPORT_SAMPLE_H

#include "report/builder.h"
#include "report/render.h"

/* A name that needs no counting. */
#define MEMBERS(...)                                 \
	(const struct type_member[]){ __VA_ARGS__ }, \
		sizeof((const struct type_member[]){ __VA_ARGS__ }) / sizeof(struct type_member)
#define NAMES(...)                                                        \
	(const struct type_enumerator[]){ __VA_ARGS__ },                  \
		sizeof((const struct type_enumerator[]){ __VA_ARGS__ }) / \
			sizeof(struct type_enumerator)

uint32_t add_row(struct type_table *t, struct type_row row);
uint32_t add_int(struct type_table *t, const char *name, uint64_t size, enum type_encoding enc);
uint32_t add_array(struct type_table *t, uint32_t of, uint64_t len);
uint32_t add_behind(struct type_table *t, enum type_kind kind, const char *name, uint32_t target);
uint32_t add_record(struct type_table *t, enum type_kind kind, const char *name, uint64_t size,
		    const struct type_member *m, uint32_t n);
uint32_t add_enum(struct type_table *t, const char *name, uint64_t size, enum type_encoding enc,
		  const struct type_enumerator *e, uint32_t n);

extern const struct report_info sample_info; /* tag "t0", target fixture, 4 CPUs */

/* A report with one array map "m" of one entry whose value is @bytes of type @make gives. */
struct ksnap_blob *sample_value(uint32_t (*make)(struct type_table *t), const void *bytes,
				size_t size, bool swapped_endian);
/* A hash map "tasks" (two structs), a per-CPU array "stats", sections "probe.bss" and
 * "other.bss", a map without types, a map that could not be read, one program. */
struct ksnap_blob *sample_report(void);

/* The clock of all tests that compare whole outputs: ts and mono stand still. */
void sample_stop_clock(void);

#endif
