// SPDX-License-Identifier: MIT
/* fail_call.c - a library to be preloaded: call number KSNAP_FAIL_AT of a family fails, once, with
 * the error that family is known for. KSNAP_FAIL_CALL names the family:
 *
 *   memory   malloc, calloc, realloc, strdup and the like, of ksnap itself: libzmq ends the process
 *            when it has no memory, which is its own rule
 *   zmq      what ksnap calls of libzmq and can fail
 *   bpf      the system call bpf
 *   perf     the system call perf_event_open
 *   accept   the system call accept4, as ksnap makes it in the place of the C library
 *   file     open, write, pwritev, ftruncate, fsync and the like, of ksnap itself
 *
 * Calls are counted over all threads of a process and of the children it forks; at its end the
 * count is written to the file KSNAP_FAIL_COUNT. A program that it starts counts anew and has
 * nothing fail unless KSNAP_FAIL_CHILD is set. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define OWN     __attribute__((visibility("default")))
#define FROM    __builtin_return_address(0)
#define SNDMORE 2 /* ZMQ_SNDMORE */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

enum family { MEMORY, ZMQ, BPF, PERF, ACCEPT, FILES, FAMILIES };

static const char *const names[FAMILIES] = { "memory", "zmq", "bpf", "perf", "accept", "file" };

static enum family chosen = FAMILIES;
static long fail_at;
static _Atomic long alone, *calls = &alone;
static uintptr_t text_from, text_to; /* of the program itself */

static int find_text(struct dl_phdr_info *info, size_t size, void *arg)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		text_from = info->dlpi_addr + p->p_vaddr;
		text_to = text_from + p->p_memsz;
	}
	return 1; /* the first is the program */
}

__attribute__((constructor)) static void begin(void)
{
	const char *call = getenv("KSNAP_FAIL_CALL"), *at = getenv("KSNAP_FAIL_AT");

	dl_iterate_phdr(find_text, NULL);
	calls = mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (calls == MAP_FAILED)
		calls = &alone;
	for (int i = 0; i < FAMILIES && call; i++)
		if (!strcmp(call, names[i]))
			chosen = (enum family)i;
	fail_at = at ? strtol(at, NULL, 10) : 0;
	if (!getenv("KSNAP_FAIL_CHILD")) {
		unsetenv("KSNAP_FAIL_AT");
		unsetenv("LD_PRELOAD");
	}
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("KSNAP_FAIL_COUNT");
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600)
		      : -1;

	chosen = FAMILIES;
	if (fd >= 0) {
		dprintf(fd, "%ld\n", atomic_load(calls));
		close(fd);
	}
}

static bool fails(enum family family, const void *from, int errnum)
{
	uintptr_t at = (uintptr_t)from;

	if (family != chosen || (from && (at < text_from || at >= text_to)))
		return false;
	if (atomic_fetch_add(calls, 1) + 1 != fail_at)
		return false;
	errno = errnum;
	return true;
}

/* ---- memory
 * --------------------------------------------------------------------------------------- */

OWN void *malloc(size_t size)
{
	return fails(MEMORY, FROM, ENOMEM) ? NULL : __libc_malloc(size);
}

OWN void *calloc(size_t n, size_t size)
{
	return fails(MEMORY, FROM, ENOMEM) ? NULL : __libc_calloc(n, size);
}

OWN void *realloc(void *old, size_t size)
{
	return fails(MEMORY, FROM, ENOMEM) ? NULL : __libc_realloc(old, size);
}

OWN void *reallocarray(void *old, size_t n, size_t size)
{
	size_t bytes;

	if (fails(MEMORY, FROM, ENOMEM) || __builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return __libc_realloc(old, bytes);
}

OWN char *strdup(const char *s)
{
	size_t len = strlen(s) + 1;
	char *copy = fails(MEMORY, FROM, ENOMEM) ? NULL : __libc_malloc(len);

	return copy ? memcpy(copy, s, len) : NULL;
}

OWN char *strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = fails(MEMORY, FROM, ENOMEM) ? NULL : __libc_malloc(len + 1);

	if (!copy)
		return NULL;
	copy[len] = '\0';
	return memcpy(copy, s, len);
}

/* ---- system calls that libbpf and ksnap make by number
 * ------------------------------------------------ */

OWN long syscall(long number, ...)
{
	static long (*next)(long, ...);
	long a[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_bpf && fails(BPF, NULL, EPERM))
		return -1;
	if (number == SYS_perf_event_open && fails(PERF, NULL, EBUSY))
		return -1;
	if (number == SYS_accept4 && fails(ACCEPT, NULL, ENOMEM))
		return -1;
	if (!next)
		next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- what is called by name
 * ----------------------------------------------------------------------------- */

/* RET NAME(ARGS): fails with VALUE and errno ERRNUM when its family is chosen. */
#define FAILING(family, ret, name, params, args, value, errnum)        \
	OWN ret name params;                                           \
	ret name params                                                \
	{                                                              \
		static ret(*next) params;                              \
		if (fails(family, FROM, errnum))                       \
			return value;                                  \
		if (!next)                                             \
			next = (ret(*) params)dlsym(RTLD_NEXT, #name); \
		return next args;                                      \
	}

FAILING(ZMQ, void *, zmq_ctx_new, (void), (), NULL, EMFILE)
FAILING(ZMQ, void *, zmq_socket, (void *c, int t), (c, t), NULL, EMFILE)
FAILING(ZMQ, int, zmq_bind, (void *s, const char *u), (s, u), -1, EADDRINUSE)
FAILING(ZMQ, int, zmq_connect, (void *s, const char *u), (s, u), -1, EINVAL)
FAILING(ZMQ, int, zmq_setsockopt, (void *s, int o, const void *v, size_t n), (s, o, v, n), -1,
	EINVAL)
FAILING(ZMQ, int, zmq_getsockopt, (void *s, int o, void *v, size_t *n), (s, o, v, n), -1, EINTR)
FAILING(ZMQ, int, zmq_msg_init_size, (void *m, size_t n), (m, n), -1, ENOMEM)
FAILING(ZMQ, int, zmq_msg_init_data, (void *m, void *d, size_t n, void *f, void *h),
	(m, d, n, f, h), -1, ENOMEM)
FAILING(ZMQ, int, zmq_poll, (void *items, int n, long ms), (items, n, ms), -1, EINTR)
FAILING(FILES, ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o), -1,
	ENOSPC)
FAILING(FILES, ssize_t, write, (int fd, const void *d, size_t n), (fd, d, n), -1, ENOSPC)
FAILING(FILES, int, ftruncate, (int fd, off_t n), (fd, n), -1, EIO)
FAILING(FILES, int, fsync, (int fd), (fd), -1, EIO)
FAILING(FILES, int, fdatasync, (int fd), (fd), -1, EIO)
FAILING(FILES, int, unlinkat, (int fd, const char *p, int f), (fd, p, f), -1, EIO)
FAILING(FILES, int, mkdir, (const char *p, mode_t m), (p, m), -1, ENOSPC)

/* A socket takes and gives messages whole: only their first part can fail. */
OWN int zmq_msg_send(void *msg, void *socket, int flags)
{
	static int (*next)(void *, void *, int);
	static _Thread_local bool within;
	int rc;

	if (!within && fails(ZMQ, FROM, EAGAIN))
		return -1;
	if (!next)
		next = (int (*)(void *, void *, int))dlsym(RTLD_NEXT, "zmq_msg_send");
	rc = next(msg, socket, flags);
	within = rc >= 0 && (flags & SNDMORE);
	return rc;
}

OWN int zmq_msg_recv(void *msg, void *socket, int flags)
{
	static int (*next)(void *, void *, int), (*more)(const void *);
	static _Thread_local bool within;
	int rc;

	if (!within && fails(ZMQ, FROM, EAGAIN))
		return -1;
	if (!next) {
		more = (int (*)(const void *))dlsym(RTLD_NEXT, "zmq_msg_more");
		next = (int (*)(void *, void *, int))dlsym(RTLD_NEXT, "zmq_msg_recv");
	}
	rc = next(msg, socket, flags);
	within = rc >= 0 && more(msg);
	return rc;
}

OWN int open(const char *path, int flags, ...)
{
	static int (*next)(const char *, int, ...);
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (fails(FILES, FROM, EMFILE))
		return -1;
	if (!next)
		next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	return next(path, flags, mode);
}

OWN int openat(int folder, const char *path, int flags, ...)
{
	static int (*next)(int, const char *, int, ...);
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (fails(FILES, FROM, EMFILE))
		return -1;
	if (!next)
		next = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
	return next(folder, path, flags, mode);
}
