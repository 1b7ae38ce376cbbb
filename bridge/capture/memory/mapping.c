// SPDX-License-Identifier: MIT
/* mapping.c - a table of mappings that the handler of SIGBUS may look at: no locks, no allocation.
 */
#include "capture/memory/mapping.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "base/error.h"

struct slot {
	_Atomic(uintptr_t) at; /* 0: free; TAKEN: not yet mapped */
	atomic_size_t size;
	atomic_bool is_torn;
};

#define TAKEN 1

static struct slot slots[MAPPINGS_MAX];
static struct sigaction before;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of before */

static struct slot *slot_of(uintptr_t addr)
{
	for (size_t i = 0; i < MAPPINGS_MAX; i++) {
		uintptr_t at = atomic_load(&slots[i].at);

		if (at > TAKEN && addr >= at && addr - at < atomic_load(&slots[i].size))
			return &slots[i];
	}
	return NULL;
}

/* Returning runs the instruction again, which then finds zeros. All of the mapping is replaced:
 * where pages are large, a part cannot be. */
static void take_fault(int signo, siginfo_t *info, void *context)
{
	struct slot *s = slot_of((uintptr_t)info->si_addr);
	int saved = errno;

	if (s) {
		atomic_store(&s->is_torn, true);
		if (mmap((void *)atomic_load(&s->at), atomic_load(&s->size), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
			 0) != MAP_FAILED) {
			errno = saved;
			return;
		}
	}
	sigaction(SIGBUS, &before, NULL);
	errno = saved;
}

/* Whoever took the signal since gets what is not ours. */
static void listen_for_faults(void)
{
	struct sigaction a = { .sa_sigaction = take_fault, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigaction now;

	pthread_mutex_lock(&lock);
	if (!sigaction(SIGBUS, NULL, &now) && now.sa_sigaction != take_fault) {
		before = now;
		sigaction(SIGBUS, &a, NULL);
	}
	pthread_mutex_unlock(&lock);
}

static struct slot *take_slot(void)
{
	for (size_t i = 0; i < MAPPINGS_MAX; i++) {
		uintptr_t none = 0;

		if (atomic_compare_exchange_strong(&slots[i].at, &none, TAKEN))
			return &slots[i];
	}
	return NULL;
}

int mapping_make(int fd, size_t size, bool writable, uint8_t **ret, struct ksnap_err *err)
{
	struct slot *s = take_slot();
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);
	void *at;

	*ret = NULL;
	if (!s)
		return err_set(err, KSNAP_E_LIMIT,
			       "this process looks at %d memory files, which is the most that it "
			       "may: let another worker look at this one",
			       MAPPINGS_MAX);
	listen_for_faults();
	at = mmap(NULL, size, prot, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		atomic_store(&s->at, 0);
		return err_errno(err, KSNAP_E_TARGET, errno, "%zu bytes cannot be mapped", size);
	}
	atomic_store(&s->is_torn, false);
	atomic_store(&s->size, size);
	atomic_store(&s->at, (uintptr_t)at);
	*ret = at;
	return 0;
}

void mapping_drop(uint8_t *at, size_t size)
{
	struct slot *s = at ? slot_of((uintptr_t)at) : NULL;

	if (!s)
		return;
	atomic_store(&s->at, TAKEN);
	munmap(at, size);
	atomic_store(&s->at, 0);
}

bool mapping_is_torn(const uint8_t *at)
{
	struct slot *s = slot_of((uintptr_t)at);

	return s && atomic_load(&s->is_torn);
}
