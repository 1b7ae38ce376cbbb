/* SPDX-License-Identifier: MIT */
/* state_rig.h - folders, brokers on them, a disk that fails, and what is there as text.
 *
 * A killed broker is one whose folder was copied: what it does at its end is not in the copy. */
#ifndef TESTS_BROKER_STATE_RIG_H
#define TESTS_BROKER_STATE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdbool.h>

#include "broker/bridges.h"
#include "broker/broker.h"

#define MIB (1u << 20)

/* ---- the disk: link with --wrap=pwritev,--wrap=fdatasync,--wrap=ftruncate ---- */

extern _Atomic bool disk_stands; /* syncing does not end while this is so */
extern int cuts_failing;         /* how many times cutting a file fails */
extern int writes_left; /* how many writes until one fails, and all behind it; -1: all succeed */
extern _Atomic int syncs, sync_errno; /* calls so far; what the next one fails with */

/* ---- folders ---- */

extern char kept[64], copied[64];

int make_top(void **state);
int remove_top(void **state);
/* Before each test: both folders are gone, the disk works. */
int begin_test(void **state);
void clear_folder(const char *path);
/* The segments of @kept to @copied, as kill -9 would leave them. */
void copy_kept(void);
uint64_t folder_bytes(const char *path, unsigned *ret_files);
/* To be freed. */
void *read_file(const char *path, size_t *ret_len);
void write_file(const char *path, const void *data, size_t len);

/* ---- brokers ---- */

struct life {
	void *context;
	struct loop *loop;
	struct broker *broker;
};

/* 0 or the code; end_life() in either case. */
int try_open(struct life *l, const char *folder, const char *sync, struct ksnap_limits limits,
	     struct ksnap_err *err);
struct life open_limited(const char *folder, struct ksnap_limits limits);
struct life open_life(const char *folder);
void end_life(struct life *l);
struct hosted *life_bridge(struct life *l, const char *name);
void life_store(struct life *l, const char *name, const char *tag, size_t bytes);
void life_settle(struct life *l);
void life_drain(struct life *l, const char *name);
/* Two bridges with some of everything. */
void fill(struct life *l);

/* ---- what is there, as text ---- */

/* To be freed. */
char *text_of(struct life *l);
/* A broker on @folder has that. */
void expect_same(const char *folder, const char *want);

#endif
