// SPDX-License-Identifier: MIT
/* map_queue.c - queues and stacks: all elements, in the order they would come out, without taking
 * any.
 *
 * System calls show the next one only, so the ring is read in the kernel's memory, with its ends
 * before and after, until two readings in a row are the same: ends that are where they were may
 * have been elsewhere in between. Where the kernel's memory cannot be read, the next element is all
 * there is.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "capture/live/kernel_maps.h"
#include "capture/live/kernel_read.h"
#include "capture/live/map_job.h"

#define TRIES     16 /* while elements come and go */
#define READS_MAX 64 /* in one run */

enum { HEAD, TAIL, SIZE, ENDS };

struct queue {
	struct map_job *j;
	struct entries *e;
	uint64_t ends_at[ENDS], elements; /* addresses */
	uint32_t ends[ENDS], again[ENDS];
	uint8_t *before; /* the elements of the reading before; NULL: there is none, or it was torn
			  */
	uint64_t nbefore;
	struct kernel_read reads[READS_MAX];
	size_t nreads;
};

/* How many wait behind it the kernel does not tell; that none does, it tells. */
static int show_next(struct map_job *j, struct entries *e, struct read_result *res)
{
	int ret = e->room ? 0 : entries_grow(&j->plan, e);

	if (ret < 0)
		return ret;
	res->end = READ_ROOM;
	if (ret)
		return 0;
	if (!bpf_map_lookup_elem(j->plan.fd, NULL, e->vals)) {
		e->count = 1;
		res->end = j->plan.expected == 1 ? READ_DONE : READ_PEEKED;
		return 0;
	}
	res->error = errno;
	res->end = errno == ENOENT ? READ_DONE : READ_FAILED;
	return 0;
}

static int find_ring(struct queue *q)
{
	static const char *const ends[] = { "head", "tail", "size" };
	struct ksnap_err *why = &q->j->why;
	const struct btf *btf = btf_types_load(q->j->t->types, BTF_OF_KERNEL, why);
	uint64_t map;
	int64_t off = btf ? kernel_offset(btf, "bpf_queue_stack", "elements", why) : why->code;

	if (off >= 0 && kernel_map_address(btf, q->j->info.id, &map, why))
		return why->code;
	q->elements = map + off;
	for (unsigned i = 0; off >= 0 && i < ENDS; i++) {
		off = kernel_offset(btf, "bpf_queue_stack", ends[i], why);
		q->ends_at[i] = map + off;
	}
	return off < 0 ? off : 0;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static int run(struct queue *q)
{
	size_t n = q->nreads;

	q->nreads = 0;
	if (kernel_reader_run(q->j->t->reader, q->reads, n, &q->j->why))
		return KSNAP_E_TARGET;
	for (size_t i = 0; i < n; i++)
		if (q->reads[i].error)
			return err_set(&q->j->why, KSNAP_E_TARGET, "its memory cannot be read");
	return 0;
}

static int add_read(struct queue *q, uint64_t addr, uint64_t len, void *to)
{
	int ret = q->nreads == READS_MAX ? run(q) : 0;

	q->reads[q->nreads++] = (struct kernel_read){ .addr = addr, .len = len, .data = to };
	return ret;
}

static int add_ends(struct queue *q, uint32_t *to)
{
	int ret = 0;

	for (unsigned i = 0; !ret && i < ENDS; i++)
		ret = add_read(q, q->ends_at[i], sizeof(*to), to + i);
	return ret;
}

/* @n elements from place @first on, which do not pass the ring's end, to place @at. */
static int add_elements(struct queue *q, uint64_t first, uint64_t n, uint64_t at)
{
	size_t each = q->j->plan.val_size;
	uint8_t *to = q->e->vals + at * each;
	int ret = 0;

	for (uint64_t off = 0; !ret && off < n * each; off += KERNEL_READ_MAX) {
		uint64_t left = n * each - off;

		ret = add_read(q, q->elements + first * each + off,
			       left < KERNEL_READ_MAX ? left : KERNEL_READ_MAX, to + off);
	}
	return ret;
}

static void reverse(struct entries *e, size_t each)
{
	for (uint64_t i = 0; i < e->count / 2; i++) {
		uint8_t *a = e->vals + i * each, *b = e->vals + (e->count - 1 - i) * each;

		for (size_t k = 0; k < each; k++) {
			uint8_t kept = a[k];

			a[k] = b[k];
			b[k] = kept;
		}
	}
}

/* Those from the tail to the head, and then the ends again. 1: there is no room. */
static int read_once(struct queue *q)
{
	uint64_t size, n, upper;
	int ret = add_ends(q, q->ends);

	if (!ret)
		ret = run(q);
	if (ret)
		return ret;
	size = q->ends[SIZE];
	if (!size || q->ends[HEAD] >= size || q->ends[TAIL] >= size)
		return err_set(&q->j->why, KSNAP_E_TARGET, "its head is not that of a queue");
	n = (q->ends[HEAD] + size - q->ends[TAIL]) % size;
	upper = n < size - q->ends[TAIL] ? n : size - q->ends[TAIL];
	q->e->count = 0;
	while (!ret && n > q->e->room)
		ret = entries_grow(&q->j->plan, q->e);
	if (!ret)
		ret = add_elements(q, q->ends[TAIL], upper, 0);
	if (!ret)
		ret = add_elements(q, 0, n - upper, upper);
	if (!ret)
		ret = add_ends(q, q->again);
	if (!ret)
		ret = run(q);
	q->e->count = ret ? 0 : n;
	return ret;
}

/* Keep what was read for the next reading, when its ends held. */
static int keep(struct queue *q)
{
	size_t len = q->e->count * q->j->plan.val_size;

	free(q->before);
	q->before = NULL;
	if (memcmp(q->ends, q->again, sizeof(q->ends)) != 0)
		return 0;
	q->before = malloc(len ? len : 1);
	if (!q->before)
		return err_nomem(&q->j->why);
	if (len)
		memcpy(q->before, q->e->vals, len);
	q->nbefore = q->e->count;
	return 0;
}

static bool is_as_before(const struct queue *q)
{
	uint64_t n = q->e->count;

	return q->before && memcmp(q->ends, q->again, sizeof(q->ends)) == 0 && n == q->nbefore &&
	       (!n || memcmp(q->before, q->e->vals, n * q->j->plan.val_size) == 0);
}

static int read_ring(struct queue *q, struct read_result *res)
{
	int ret = read_once(q);

	res->end = READ_DONE;
	while (!ret && !(ret = keep(q)) && !(ret = read_once(q)) && !is_as_before(q)) {
		if (res->restarts == TRIES || clock_mono_ns() >= q->j->plan.deadline_mono_ns) {
			res->end = READ_UNSEEN;
			res->why = "elements came and went each time it was read";
			break;
		}
		res->restarts++;
	}
	free(q->before);
	if (!ret && q->j->info.type == BPF_MAP_TYPE_STACK)
		reverse(q->e, q->j->plan.val_size);
	return ret;
}

int queue_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	struct queue q = { .j = j, .e = e };
	int ret = peek_ready(j);

	if (!ret)
		ret = find_ring(&q);
	if (!ret)
		ret = read_ring(&q, res);
	if (ret == KSNAP_E_NOMEM)
		return ret;
	if (ret == 1)
		res->end = READ_ROOM;
	if (ret >= 0)
		return 0;
	e->count = 0;
	*res = (struct read_result){ 0 };
	return show_next(j, e, res);
}
