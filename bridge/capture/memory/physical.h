/* SPDX-License-Identifier: MIT */
/* physical.h - the physical memory of a machine that is looked at from outside: a core file's
 * segments, or the file that backs the memory of a guest.
 *
 * The file is mapped, not read: what a running guest writes is seen, and what is written here the
 * guest sees. A file that becomes shorter meanwhile reads as zeros from then on, all of it: who has
 * read asks physical_settle whether that counts. */
#ifndef KSNAP_CAPTURE_MEMORY_PHYSICAL_H
#define KSNAP_CAPTURE_MEMORY_PHYSICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

#define PHYSICAL_SEGMENTS 4096        /* of one core */
#define PHYSICAL_NOTES    (16u << 20) /* bytes of notes that are looked through */

struct physical_segment {
	uint64_t base, len; /* physical address, bytes that are in the file */
	uint64_t offset;    /* in the file */
};

struct physical {
	int fd;
	uint8_t *map;
	size_t size; /* of the file, and of the mapping */
	bool is_writable;
	bool is_core;                      /* of a kernel that is dead */
	struct physical_segment *segments; /* in order of base, apart from each other */
	size_t n;
	uint64_t missing;     /* bytes that a core's headers promise and its file does not have */
	const uint8_t *notes; /* of a core, within the map; or NULL */
	size_t notes_len;
};

#define PHYSICAL_INIT ((struct physical){ .fd = -1 })

/* An ELF core of x86-64, as kdump and QEMU's dump-guest-memory write them. One that is cut short is
 * opened with what it has. E_ARG: it is no such file; E_TARGET: it cannot be read or holds no
 * memory; E_LIMIT: more than PHYSICAL_SEGMENTS. */
int physical_open_core(struct physical *p, const char *path, struct ksnap_err *err);
/* The memory of a QEMU guest: the first @low bytes of the file (0: as much as the file has) begin
 * at address 0, what is behind them at 4 GiB. E_ARG, E_TARGET. */
int physical_open_guest(struct physical *p, const char *path, uint64_t low, bool writable,
			struct ksnap_err *err);
void physical_close(struct physical *p);
/* E_TARGET when the file has become shorter than it was. */
int physical_check(const struct physical *p, struct ksnap_err *err);
/* To be asked after reading: @code, or E_TARGET when the file became shorter under it. */
int physical_settle(const struct physical *p, int code, struct ksnap_err *err);
/* Is it still the file that @path names, in full? */
bool physical_is_file(const struct physical *p, const char *path);

/* Where @pa is in the mapping, and how many bytes from there on are (*ret_left); NULL: nowhere. */
uint8_t *physical_at(const struct physical *p, uint64_t pa, uint64_t *ret_left);
/* All of [@pa, @pa + @len), or false. */
bool physical_read(const struct physical *p, uint64_t pa, void *buf, size_t len);

#endif
