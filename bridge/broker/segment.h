/* SPDX-License-Identifier: MIT */
/* segment.h - files that only grow, by batches that are there whole or not at all.
 *
 *   file   head: "ksnapseg", u32 format 1, u32 crc, u64 number, 16 bytes boot id
 *          batch, batch, ...
 *   batch  head: "KBAT", u32 crc of what follows in the head, u32 crc of the body, u32 0,
 *                u64 bytes of the body, u64 segment and u64 offset: what was on disk by then
 *          body
 *
 * Numbers are little-endian, crc is that of zlib; the file's covers its head with zeroes in its
 * own place. A batch that is no batch and has sound ones behind it is damage when they say that it
 * had been on disk, or when the machine was not started again since: then nothing but a bad disk
 * or a foreign hand explains it. Else it is where writing was broken off. */
#ifndef KSNAP_BROKER_SEGMENT_H
#define KSNAP_BROKER_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "ksnap.h"

#define SEGMENT_BYTES    (8u << 20) /* a file grows to this; a larger batch gets one of its own */
#define SEGMENT_HEAD     40
#define BATCH_HEAD       40
#define BOOT_ID          16
#define SEGMENT_NAME_MAX 32

/* A place in the run of files. */
struct segment_at {
	uint64_t segment, offset;
};

bool segment_before(struct segment_at a, struct segment_at b);
/* "0000000007.seg" */
void segment_name(uint64_t number, char ret[SEGMENT_NAME_MAX]);
/* False: @name is not that of a segment. */
bool segment_number(const char *name, uint64_t *ret);

/* ---- writing --------------------------------------------------------------------------------- */

struct segment {
	int fd; /* -1: none */
	uint64_t number, bytes;
	bool torn; /* the file has more than @bytes: an append failed, and so did cutting it */
};

#define SEGMENT_INIT ((struct segment){ .fd = -1 })

/* Make file @number in @folder. On failure there is none. */
int segment_create(int folder, uint64_t number, struct segment *ret, struct ksnap_err *err);
void segment_close(struct segment *s);
/* Cut what a failed append left, if it did: before another file is begun behind this one. */
int segment_mend(struct segment *s, struct ksnap_err *err);
/* Append a batch: @n pieces, of which the first is this function's to fill; it changes all of
 * them. On failure the file is as it was, or is cut before the next append. */
int segment_append(struct segment *s, struct iovec *pieces, size_t n, struct segment_at on_disk,
		   struct ksnap_err *err);

/* ---- reading --------------------------------------------------------------------------------- */

/* All of a file, in memory. */
struct segment_image {
	uint64_t number;
	uint8_t *data;
	size_t len, at; /* at: where segment_next goes on */
	bool same_boot; /* written since the machine was started, or not known not to be */
};

struct segment_batch {
	const uint8_t *data;
	size_t len;
	uint64_t offset; /* of @data in the file */
	struct segment_at on_disk;
};

enum segment_found { SEGMENT_END, SEGMENT_BATCH, SEGMENT_BAD };

int segment_read(int folder, uint64_t number, struct segment_image *ret, struct ksnap_err *err);
void segment_image_clear(struct segment_image *img);
/* The next batch; SEGMENT_BAD: at img->at there is something else, or the file's head is no head
 * and img->at is 0. */
enum segment_found segment_next(struct segment_image *img, struct segment_batch *ret);
/* Look for a sound batch behind the bad one, at any place; img->at is then behind it. */
bool segment_next_sound(struct segment_image *img, struct segment_batch *ret);

#endif
