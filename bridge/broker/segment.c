// SPDX-License-Identifier: MIT
/* segment.c - heads, sums, and writing that leaves a file as it was when it fails. */
#include "broker/segment.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/replace.h"

#define SEGMENT_MAGIC "ksnapseg"
#define BATCH_MAGIC   "KBAT"
#define FORMAT        1
#define NAME_DIGITS   10

struct file_head {
	char magic[8];
	uint32_t format, crc;
	uint64_t number;
	uint8_t boot[BOOT_ID];
};

struct batch_head {
	char magic[4];
	uint32_t crc, body_crc, zero;
	uint64_t len, segment, offset;
};

_Static_assert(sizeof(struct file_head) == SEGMENT_HEAD, "the head of a file has no gaps");
_Static_assert(sizeof(struct batch_head) == BATCH_HEAD, "the head of a batch has no gaps");

bool segment_before(struct segment_at a, struct segment_at b)
{
	return a.segment < b.segment || (a.segment == b.segment && a.offset < b.offset);
}

void segment_name(uint64_t number, char ret[SEGMENT_NAME_MAX])
{
	snprintf(ret, SEGMENT_NAME_MAX, "%0*llu.seg", NAME_DIGITS, (unsigned long long)number);
}

bool segment_number(const char *name, uint64_t *ret)
{
	char same[SEGMENT_NAME_MAX];

	if (strspn(name, "0123456789") < NAME_DIGITS)
		return false;
	*ret = strtoull(name, NULL, 10);
	segment_name(*ret, same);
	return *ret && !strcmp(same, name);
}

static int fail(const char *what, uint64_t number, struct ksnap_err *err)
{
	int errnum = errno;
	char name[SEGMENT_NAME_MAX];

	segment_name(number, name);
	return err_errno(err, file_error_code(errnum), errnum, "cannot %s %s", what, name);
}

/* Zeroes when the kernel does not say: then no file is known to be of this boot. */
static bool read_boot(uint8_t ret[BOOT_ID])
{
	_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[64] = "";
	size_t at = 0;

	memset(ret, 0, BOOT_ID);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	for (const char *p = text; *p && at < BOOT_ID; p += *p == '-' ? 1 : 2) {
		unsigned byte;

		if (*p == '-')
			continue;
		if (sscanf(p, "%2x", &byte) != 1)
			return false;
		ret[at++] = (uint8_t)byte;
	}
	return at == BOOT_ID;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static uint32_t file_crc(const struct file_head *head)
{
	struct file_head h = *head;

	h.crc = 0;
	return (uint32_t)crc32(0, (const Bytef *)&h, sizeof(h));
}

static uint32_t batch_crc(const struct batch_head *h)
{
	return (uint32_t)crc32(0, (const Bytef *)&h->body_crc,
			       sizeof(*h) - offsetof(struct batch_head, body_crc));
}

/* All of @n pieces to @offset on; they are used up. 0 or -1 with errno. */
static int write_all(int fd, struct iovec *piece, size_t n, uint64_t offset)
{
	while (n) {
		ssize_t done = pwritev(fd, piece, n < IOV_MAX ? (int)n : IOV_MAX, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		offset += (uint64_t)done;
		for (; n && (size_t)done >= piece->iov_len; piece++, n--)
			done -= (ssize_t)piece->iov_len;
		if (!n)
			break;
		piece->iov_base = (char *)piece->iov_base + done;
		piece->iov_len -= (size_t)done;
	}
	return 0;
}

static int write_file_head(struct segment *s)
{
	struct file_head h = { .magic = SEGMENT_MAGIC, .format = htole32(FORMAT) };
	struct iovec piece = { &h, sizeof(h) };

	h.number = htole64(s->number);
	read_boot(h.boot);
	h.crc = htole32(file_crc(&h));
	return write_all(s->fd, &piece, 1, 0);
}

int segment_create(int folder, uint64_t number, struct segment *ret, struct ksnap_err *err)
{
	char name[SEGMENT_NAME_MAX];
	struct segment s = { .number = number, .bytes = SEGMENT_HEAD };

	segment_name(number, name);
	s.fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (s.fd < 0)
		return fail("make", number, err);
	if (write_file_head(&s) < 0) {
		int rc = fail("write", number, err);

		close(s.fd);
		unlinkat(folder, name, 0);
		return rc;
	}
	*ret = s;
	return 0;
}

void segment_close(struct segment *s)
{
	cleanup_close(&s->fd);
	*s = SEGMENT_INIT;
}

static int cut_back(struct segment *s)
{
	s->torn = ftruncate(s->fd, (off_t)s->bytes) < 0;
	return s->torn ? -1 : 0;
}

int segment_mend(struct segment *s, struct ksnap_err *err)
{
	return s->torn && cut_back(s) < 0 ? fail("cut", s->number, err) : 0;
}

int segment_append(struct segment *s, struct iovec *pieces, size_t n, struct segment_at on_disk,
		   struct ksnap_err *err)
{
	struct batch_head h = { .magic = BATCH_MAGIC,
				.segment = htole64(on_disk.segment),
				.offset = htole64(on_disk.offset) };
	uint64_t len = 0;
	uLong crc = crc32(0, Z_NULL, 0);
	int rc;

	for (size_t i = 1; i < n; i++) {
		crc = crc32_z(crc, pieces[i].iov_base, pieces[i].iov_len);
		len += pieces[i].iov_len;
	}
	h.len = htole64(len);
	h.body_crc = htole32((uint32_t)crc);
	h.crc = htole32(batch_crc(&h));
	pieces[0] = (struct iovec){ &h, sizeof(h) };
	rc = segment_mend(s, err);
	if (rc)
		return rc;
	if (write_all(s->fd, pieces, n, s->bytes) < 0) {
		rc = fail("write", s->number, err);
		cut_back(s);
		return rc;
	}
	s->bytes += sizeof(h) + len;
	return 0;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static int read_all(int fd, struct segment_image *img, struct ksnap_err *err)
{
	struct stat st;
	size_t at = 0;

	if (fstat(fd, &st) < 0)
		return fail("read", img->number, err);
	img->data = malloc((size_t)st.st_size + 1);
	if (!img->data)
		return err_nomem(err);
	while (at < (size_t)st.st_size) {
		ssize_t n = pread(fd, img->data + at, (size_t)st.st_size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail("read", img->number, err);
		if (!n)
			break;
		at += (size_t)n;
	}
	img->len = at;
	return 0;
}

/* Is the head sound? Then the batches begin behind it. */
static void look_at_head(struct segment_image *img)
{
	struct file_head h;
	uint8_t boot[BOOT_ID];

	img->same_boot = true;
	if (img->len < sizeof(h))
		return;
	memcpy(&h, img->data, sizeof(h));
	if (memcmp(h.magic, SEGMENT_MAGIC, sizeof(h.magic)) || le32toh(h.format) != FORMAT ||
	    le32toh(h.crc) != file_crc(&h) || le64toh(h.number) != img->number)
		return;
	img->at = sizeof(h);
	img->same_boot = read_boot(boot) && !memcmp(boot, h.boot, BOOT_ID);
}

int segment_read(int folder, uint64_t number, struct segment_image *ret, struct ksnap_err *err)
{
	struct segment_image img = { .number = number };
	char name[SEGMENT_NAME_MAX];
	_close_ int fd = -1;
	int rc;

	segment_name(number, name);
	fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return fail("read", number, err);
	rc = read_all(fd, &img, err);
	if (rc) {
		segment_image_clear(&img);
		return rc;
	}
	look_at_head(&img);
	*ret = img;
	return 0;
}

void segment_image_clear(struct segment_image *img)
{
	free(img->data);
	*img = (struct segment_image){ 0 };
}

static bool batch_at(const struct segment_image *img, size_t at, struct segment_batch *ret)
{
	struct batch_head h;
	uint64_t len;

	if (img->len - at < sizeof(h))
		return false;
	memcpy(&h, img->data + at, sizeof(h));
	if (memcmp(h.magic, BATCH_MAGIC, sizeof(h.magic)) || le32toh(h.crc) != batch_crc(&h))
		return false;
	len = le64toh(h.len);
	at += sizeof(h);
	if (len > img->len - at ||
	    (uint32_t)crc32_z(crc32(0, Z_NULL, 0), img->data + at, len) != le32toh(h.body_crc))
		return false;
	*ret = (struct segment_batch){ .data = img->data + at,
				       .len = len,
				       .offset = at,
				       .on_disk = { le64toh(h.segment), le64toh(h.offset) } };
	return true;
}

enum segment_found segment_next(struct segment_image *img, struct segment_batch *ret)
{
	if (img->at && img->at == img->len)
		return SEGMENT_END;
	if (!img->at || !batch_at(img, img->at, ret))
		return SEGMENT_BAD;
	img->at = ret->offset + ret->len;
	return SEGMENT_BATCH;
}

bool segment_next_sound(struct segment_image *img, struct segment_batch *ret)
{
	while (img->at < img->len) {
		const uint8_t *from = img->data + img->at;
		const uint8_t *hit =
			memmem(from, img->len - img->at, BATCH_MAGIC, sizeof(BATCH_MAGIC) - 1);

		if (!hit)
			break;
		img->at = (size_t)(hit - img->data);
		if (batch_at(img, img->at, ret)) {
			img->at = ret->offset + ret->len;
			return true;
		}
		img->at++;
	}
	img->at = img->len;
	return false;
}
