/* SPDX-License-Identifier: MIT */
/* snapshot.h - an opened report, for the files of this folder only. */
#ifndef KSNAP_REPORT_SNAPSHOT_H
#define KSNAP_REPORT_SNAPSHOT_H

#include "report/arena.h"
#include "report/chased.h"
#include "report/reader.h"

struct ksnap_map {
	const struct ksnap_snapshot *snap;
	const msgpack_object *row;
	const char *name, *type;
	uint32_t id, key_size, value_size;
	uint64_t count;
	const uint8_t *keys, *vals; /* in the report's bytes */
	uint32_t kt, vt;            /* within the table, or TYPE_NONE */
	uint32_t ncpu, stride;
	bool is_complete;
	bool has_keys;   /* false: a global section, or a map without keys */
	bool is_active;  /* in use by attached struct_ops programs */
	bool is_section; /* vt is a datasec, or the name ends as a section's does */
};

struct ksnap_snapshot {
	struct ksnap_blob *blob;
	msgpack_zone zone;
	msgpack_object root;
	struct type_table *types;
	struct arena arena; /* names, NUL-terminated */
	const char *tag;
	const char *placeholder; /* or NULL */
	bool is_complete, is_little_endian;
	unsigned cpus;
	struct ksnap_map *maps;
	size_t nmaps;
	struct chased *chased; /* in order of address */
	size_t nchased;
	bool knows_active; /* the report says which maps are active */
	uint32_t *active;  /* ids, as the report has them */
	size_t nactive;
	const char *active_obj; /* or NULL */
};

/* E_STATE with the reason when @s is a placeholder. */
int snapshot_check_data(const struct ksnap_snapshot *s, struct ksnap_err *err);
/* Read `active` and `active_obj`, and mark the maps. */
int active_read(struct ksnap_snapshot *s, struct ksnap_err *err);
/* E_STATE, E_NOTFOUND: nothing is active here, and why. */
int active_check(const struct ksnap_snapshot *s, struct ksnap_err *err);
/* A str as a NUL-terminated copy cut at its first NUL, or NULL when memory is out. */
const char *snapshot_str(struct ksnap_snapshot *s, const msgpack_object *o);

#endif
