/* SPDX-License-Identifier: MIT */
/* live_rig.h - one capture of the running kernel, and looks into what it gave. Fails the test that
 * calls it on every error. */
#ifndef KSNAP_TESTS_LIVE_RIG_H
#define KSNAP_TESTS_LIVE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/libbpf.h>

#include "capture/target.h"
#include "report/reader.h"

struct live_rig {
	struct target *target;
	struct report_builder *rb;
};

void rig_open(struct live_rig *r);
void rig_close(struct live_rig *r);

uint64_t in_a_minute(void);
struct ksnap_snapshot *rig_capture(struct live_rig *r, const char *const *maps, size_t n);
/* The map behind @fd, alone, by id: names are not unique on a host. */
struct ksnap_snapshot *rig_capture_fd(struct live_rig *r, int fd);
uint32_t id_of(int fd);
/* The map behind @fd in @s; NULL: it is not there. */
const struct ksnap_map *rig_map(const struct ksnap_snapshot *s, int fd);
/* The map behind @fd, which is whole, and the report with it, or neither is. */
const struct ksnap_map *only_map(struct ksnap_snapshot *s, int fd, bool complete);
/* A map; skips the test when the kernel makes none of the type. */
int make(enum bpf_map_type type, const char *name, uint32_t key, uint32_t value, uint32_t n);
void put(int fd, uint32_t key, const void *value);
void put_number(int fd, uint32_t key, uint32_t value);
uint64_t cookie_of(int fd);
bool has_reason(const struct ksnap_snapshot *s, const char *code, const char *subject);
/* Does the kernel let root use the iterator bpf_iter_@what? Some refuse those that lead into maps.
 */
bool rig_iterates(const char *what);
/* The number at @path of @v, the key or the value of entry @i. */
int64_t number_at(const struct ksnap_value *v, const char *path);
int64_t key_at(const struct ksnap_map *m, size_t i);
int64_t value_at(const struct ksnap_map *m, size_t i, const char *path);
/* A number of the map's row; fails when it has none. */
uint64_t row_number(const struct ksnap_map *m, const char *key);
/* The bytes of tests/bpf/@name.bpf.o, malloc'd; the same, loaded. */
void *rig_read_object(const char *name, size_t *ret_len);
struct bpf_object *rig_load_object(const char *name);
/* Debug registers are the host's: wait until no other test has them, and keep them until exit. */
void rig_hold_registers(void);
/* Can BPF be used here? Prints the plan for skipping or failing; the program's exit code or -1. */
int rig_cannot_run(void);

#endif
