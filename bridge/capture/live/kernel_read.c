// SPDX-License-Identifier: MIT
/* kernel_read.c - the embedded BPF program: load it, fill its mapped batch, run it. */
#include "capture/live/kernel_read.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/bpf/kernel_read.h"
#include "capture/live/load_log.h"
#include "capture/live/privilege.h"

_Static_assert(KERNEL_READ_MAX == KERNEL_READ_BYTES, "both sides read as much at once");

/* libbpf reads it as an ELF file, whose headers need this alignment. */
static const uint8_t elf[] __attribute__((aligned(8))) = {
#include "capture/bpf/kernel_read.inc"
};

struct kernel_reader {
	struct bpf_object *bpf;
	int prog_fd;
	struct kernel_read_batch *batch; /* mapped, shared with the program */
};

static int refuse(struct ksnap_err *err, int errnum, const char *what)
{
	const char *log = load_log_tail();

	if (errnum == EPERM)
		return privilege_denied(err, what);
	return err_errno(err, KSNAP_E_TARGET, errnum, "cannot %s%s%s", what, *log ? "\n" : "", log);
}

static int load(struct kernel_reader *r, struct ksnap_err *err)
{
	static const char what[] = "load the program that reads kernel memory";
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "ksnap_reader");

	r->bpf = bpf_object__open_mem(elf, sizeof(elf), &opts);
	if (!r->bpf || bpf_object__load(r->bpf))
		return refuse(err, errno, what);
	r->prog_fd = bpf_program__fd(bpf_object__find_program_by_name(r->bpf, "ksnap_read"));
	return 0;
}

static int map_batch(struct kernel_reader *r, struct ksnap_err *err)
{
	int fd = bpf_object__find_map_fd_by_name(r->bpf, "ksnap_reads");
	void *p = mmap(NULL, sizeof(*r->batch), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return err_errno(err, KSNAP_E_TARGET, errno, "cannot map what the program reads");
	r->batch = p;
	return 0;
}

struct kernel_reader *kernel_reader_create(struct ksnap_err *err)
{
	struct kernel_reader *r = calloc(1, sizeof(*r));
	int ret;

	if (!r) {
		err_nomem(err);
		return NULL;
	}
	load_log_begin();
	ret = load(r, err);
	load_log_end();
	if (!ret)
		ret = map_batch(r, err);
	if (!ret)
		return r;
	kernel_reader_destroy(r);
	return NULL;
}

void kernel_reader_destroy(struct kernel_reader *r)
{
	int saved = errno;

	if (!r)
		return;
	if (r->batch)
		munmap(r->batch, sizeof(*r->batch));
	bpf_object__close(r->bpf);
	free(r);
	errno = saved;
}

static void fill(struct kernel_read_batch *b, const struct kernel_read *reads, size_t n)
{
	for (size_t i = 0; i < n; i++)
		b->slots[i] = (struct kernel_read_slot){ reads[i].addr, reads[i].len, -EIO };
	if (n < KERNEL_READ_BATCH)
		b->slots[n].len = 0;
}

static void take(const struct kernel_read_batch *b, struct kernel_read *reads, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		reads[i].error = -b->slots[i].error;
		if (!reads[i].error)
			memcpy(reads[i].data, b->data[i], reads[i].len);
	}
}

int kernel_reader_run(struct kernel_reader *r, struct kernel_read *reads, size_t n,
		      struct ksnap_err *err)
{
	for (size_t done = 0, now; done < n; done += now) {
		LIBBPF_OPTS(bpf_test_run_opts, opts);

		now = n - done < KERNEL_READ_BATCH ? n - done : KERNEL_READ_BATCH;
		fill(r->batch, reads + done, now);
		if (bpf_prog_test_run_opts(r->prog_fd, &opts))
			return refuse(err, errno, "run the program that reads kernel memory");
		take(r->batch, reads + done, now);
	}
	return 0;
}
