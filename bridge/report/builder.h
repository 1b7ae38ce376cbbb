/* SPDX-License-Identifier: MIT */
/* builder.h - write a report, straight into its final bytes.
 *
 * Order of calls: begin, then map_begin/map_end pairs and progs, reason at any time, finish. One
 * builder serves many reports; it keeps its buffers between them. */
#ifndef KSNAP_REPORT_BUILDER_H
#define KSNAP_REPORT_BUILDER_H

#include "ksnap.h"
#include "report/types.h"

#define REPORT_SCHEMA "ksnap.report/1"

struct report_builder;

struct report_builder *report_builder_create(struct ksnap_err *err);
void report_builder_destroy(struct report_builder *rb);

/* What stands at a report's top. Strings are read before begin returns. */
struct report_info {
	const char *tag;
	const char *target_kind, *target_name, *host, *kernel, *boot_id;
	unsigned cpus;
	const char *trigger;  /* "op", "watch", "periodic", "joined" */
	const char *cause;    /* the hit it follows, or NULL */
	uint64_t hit_mono_ns; /* with a cause: when it happened; 0: on another host's clock */
	uint64_t missed;      /* with a cause: hits before it without a capture */
	bool has_step;
	uint16_t step;
	const char *consistency; /* "running", "cgroup_frozen", "stopped" */
	bool swapped_endian;     /* packed values are in the other byte order than this machine's */
};

/* Forget an unfinished report and begin a new one; takes ts and mono0. */
int report_begin(struct report_builder *rb, const struct report_info *info, struct ksnap_err *err);
/* The types of the report being built, to add to. */
struct type_table *report_types(struct report_builder *rb);

struct report_map_row {
	uint32_t id, flags, key_size, value_size, max_entries;
	const char *name, *type;
	uint32_t kt, vt; /* TYPE_NONE: no type is known */
	uint32_t ncpu;   /* per-CPU maps; 0 otherwise */
	uint32_t stride; /* per-CPU maps: bytes from one CPU's value to the next */
	bool no_keys;    /* a global section: keys stay empty */
};

/* Begin a map and make room for @room entries. *ret_keys (NULL with no_keys) and *ret_vals are
 * good until map_end; they are not aligned. Takes mono. E_LIMIT: the keys or the values of one map
 * would pass 4 GiB; E_NOMEM: no room. The report is as before after a failure. */
int report_map_begin(struct report_builder *rb, const struct report_map_row *row, uint64_t room,
		     uint8_t **ret_keys, uint8_t **ret_vals, struct ksnap_err *err);

/* Where writer and reader of a ring buffer are, in bytes since it was made. */
struct report_ring {
	uint64_t capacity, producer, consumer;
};

/* A kernel address: @off bytes into function @name. */
struct report_symbol {
	uint64_t addr, off;
	const char *name;
};

struct report_map_result {
	uint64_t count; /* entries written, at most room */
	bool complete;  /* false makes the report incomplete too: add a reason */
	uint32_t restarts, duplicates, missing; /* 0 is left out */
	const uint32_t *owners;
	size_t nowners;
	const uint32_t *inner; /* maps of maps: ids of the maps within; NULL: it is none */
	size_t ninner;
	const struct report_ring *ring; /* ring buffers; or NULL */
	const struct report_symbol *symbols;
	size_t nsymbols;
	const char *error; /* or NULL */
};

/* End the map; room not used is given back. With an error the row is never complete. */
int report_map_end(struct report_builder *rb, const struct report_map_result *res,
		   struct ksnap_err *err);
/* Forget the map that was begun, as if it had not been; nothing when none is open. */
void report_map_cancel(struct report_builder *rb);

struct report_prog_row {
	uint32_t id;
	const char *name, *type, *tag;
	uint64_t run_cnt, run_time_ns;
	const uint32_t *maps;
	size_t nmaps;
};

/* Programs come after all maps. The first call opens the list; report_progs opens it with nothing
 * in it, which says that programs were asked for and none was found. */
int report_progs(struct report_builder *rb, struct ksnap_err *err);
int report_prog(struct report_builder *rb, const struct report_prog_row *row,
		struct ksnap_err *err);

/* What a finished map row holds, for who goes on from it; pointers are good until the next call
 * that writes. */
struct report_map_view {
	const uint8_t *vals;
	uint64_t count;
	uint32_t vt; /* or TYPE_NONE */
	uint32_t value_size;
	uint32_t ncpu, stride; /* as in the row; 0 when it is not a per-CPU map */
};

/* Map @i of the report being built, in the order they ended; false when there are fewer. */
bool report_map_at(const struct report_builder *rb, uint32_t i, struct report_map_view *ret);

/* One more key at the top, such as "links", with the msgpack value that is all of @value. Comes
 * after maps and programs, which end with the first. E_STATE: a map is open. */
int report_key(struct report_builder *rb, const char *key, const struct buf *value,
	       struct ksnap_err *err);

#define REPORT_REASONS_MAX 1024 /* more are counted, and the last reason says how many */

/* Say why the report is not complete; makes it so. @code is one of shape reason's. @subject may be
 * NULL; @expected, @got UINT64_MAX: not said. */
int report_reason(struct report_builder *rb, const char *code, const char *subject,
		  uint64_t expected, uint64_t got, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

struct report_summary {
	uint64_t maps;
	bool complete, placeholder;
};

/* Close the report (takes mono1) and give it away. Reasons, encoded as a msgpack list, are copied
 * to @reasons when it is not NULL. After a failure the report is gone, the builder is good. */
struct ksnap_blob *report_finish(struct report_builder *rb, struct report_summary *ret,
				 struct buf *reasons, struct ksnap_err *err);

/* A report that says only why there is none. */
struct ksnap_blob *report_placeholder(struct report_builder *rb, const struct report_info *info,
				      const char *code, const char *text, struct ksnap_err *err);

#endif
