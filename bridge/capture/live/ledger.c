// SPDX-License-Identifier: MIT
/* ledger.c - make the map, load the program, say why when the kernel does not let us. */
#include "capture/live/ledger.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/privilege.h"

#define LOG_BYTES 4096

int ledger_init(struct ledger *l, uint32_t size, struct ksnap_err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	void *p;

	*l = (struct ledger){ .size = size };
	l->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ksnap_ledger", 4, size, 1, &opts);
	if (l->fd < 0)
		return privilege_or_target(err, errno, "make a map for a program of its own");
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, l->fd, 0);
	if (p == MAP_FAILED)
		return err_errno(err, KSNAP_E_TARGET, errno, "cannot map %u bytes", size);
	l->mapped = p;
	return 0;
}

void ledger_fini(struct ledger *l)
{
	if (l->mapped)
		munmap(l->mapped, l->size);
	if (l->size)
		cleanup_close(&l->fd);
	*l = (struct ledger){ 0 };
}

void ledger_emit(struct ledger *l, const struct bpf_insn *insns, unsigned n)
{
	memcpy(l->insns + l->n, insns, n * sizeof(*insns));
	l->n += n;
}

/* The line of the verifier's log that says why: the last but its statistics. */
static const char *why(char *log)
{
	char *found = log;

	for (char *line = log, *next; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = 0;
		if (*line && strncmp(line, "processed ", 10))
			found = line;
	}
	return found;
}

static int refuse(int errnum, const char *what, const char *log, struct ksnap_err *err)
{
	if (errnum == EPERM)
		return privilege_denied(err, what);
	return err_errno(err, KSNAP_E_TARGET, errnum,
			 "the kernel does not let a BPF program %s%s%s", what,
			 *log ? ", it says: " : "", log);
}

int ledger_load(struct ledger *l, enum bpf_prog_type type, uint32_t iter, const char *what,
		struct ksnap_err *err)
{
	char log[LOG_BYTES] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = sizeof(log));
	int fd;

	if (type == BPF_PROG_TYPE_SYSCALL)
		opts.prog_flags = BPF_F_SLEEPABLE;
	if (iter)
		opts.expected_attach_type = BPF_TRACE_ITER;
	opts.attach_btf_id = iter;
	fd = bpf_prog_load(type, "ksnap_once", "GPL", l->insns, l->n, &opts);
	return fd < 0 ? refuse(errno, what, why(log), err) : fd;
}

int ledger_run(struct ledger *l, enum bpf_prog_type type, const char *what, struct ksnap_err *err)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	_close_ int fd = ledger_load(l, type, 0, what, err);

	if (fd < 0)
		return fd;
	return bpf_prog_test_run_opts(fd, &opts) ? refuse(errno, what, "", err) : 0;
}
