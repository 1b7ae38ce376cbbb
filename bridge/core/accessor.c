// SPDX-License-Identifier: MIT
/* accessor.c - state and publish number of a target's accessor, and waits on both.
 *
 * Waits use the system's monotonic clock, not the replaceable one: a condition variable cannot
 * be told of another. */
#include "core/accessor.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"

struct ksnap_accessor {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* state or seqno; CLOCK_MONOTONIC */
	enum ksnap_accessor_state state;
	uint64_t seqno; /* successful initialisations so far */
};

static int init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int failed;

	if (pthread_condattr_init(&attr))
		return -1;
	failed =
		pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) || pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return failed ? -1 : 0;
}

struct ksnap_accessor *ksnap_accessor_create(struct ksnap_err *err)
{
	struct ksnap_accessor *a = calloc(1, sizeof(*a));

	if (!a || init_cond(&a->changed) < 0) {
		free(a);
		err_nomem(err);
		return NULL;
	}
	pthread_mutex_init(&a->lock, NULL);
	return a;
}

void ksnap_accessor_destroy(struct ksnap_accessor *a)
{
	int saved = errno;

	if (!a)
		return;
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
	errno = saved;
}

static void change(struct ksnap_accessor *a, enum ksnap_accessor_state state, bool published)
{
	pthread_mutex_lock(&a->lock);
	if (a->state != KSNAP_ACCESSOR_FAILED) {
		if (state == KSNAP_ACCESSOR_FAILED && a->seqno)
			state = KSNAP_ACCESSOR_SUCCEEDED;
		a->state = state;
		a->seqno += published;
		pthread_cond_broadcast(&a->changed);
	}
	pthread_mutex_unlock(&a->lock);
}

void ksnap_accessor_trying(struct ksnap_accessor *a)
{
	change(a, KSNAP_ACCESSOR_TRYING, false);
}

void ksnap_accessor_publish(struct ksnap_accessor *a)
{
	change(a, KSNAP_ACCESSOR_SUCCEEDED, true);
}

void ksnap_accessor_fail(struct ksnap_accessor *a)
{
	change(a, KSNAP_ACCESSOR_FAILED, false);
}

enum ksnap_accessor_state ksnap_accessor_get(struct ksnap_accessor *a, uint64_t *ret_seqno)
{
	enum ksnap_accessor_state state;

	pthread_mutex_lock(&a->lock);
	state = a->state;
	if (ret_seqno)
		*ret_seqno = a->seqno;
	pthread_mutex_unlock(&a->lock);
	return state;
}

unsigned accessor_init_ms(struct ksnap_accessor *a)
{
	uint64_t seqno;

	ksnap_accessor_get(a, &seqno);
	return seqno ? ACCESSOR_LATER_MS : ACCESSOR_FIRST_MS;
}

/* What a wait is for. */
struct goal {
	bool want_advance;
	uint64_t after; /* with want_advance: a seqno above it */
};

static enum accessor_verdict judge(const struct ksnap_accessor *a, struct goal goal)
{
	bool ready;

	if (a->state == KSNAP_ACCESSOR_FAILED)
		return ACCESSOR_GONE;
	ready = goal.want_advance ? a->seqno > goal.after : a->state != KSNAP_ACCESSOR_TRYING;
	return ready ? ACCESSOR_READY : ACCESSOR_PENDING;
}

static int explain(const struct ksnap_accessor *a, struct goal goal, unsigned ms,
		   struct ksnap_err *err)
{
	if (a->state == KSNAP_ACCESSOR_FAILED)
		return err_set(err, KSNAP_E_STATE,
			       "the accessor failed for good at its first initialisation; waiting "
			       "again will not help");
	if (a->state == KSNAP_ACCESSOR_TRYING)
		return err_set(err, KSNAP_E_TIMEOUT,
			       "the accessor is still trying after %u ms (seqno %" PRIu64
			       "); a longer deadline may help",
			       ms, a->seqno);
	return err_set(err, KSNAP_E_TIMEOUT,
		       "nothing newer than seqno %" PRIu64
		       " was published within %u ms; the accessor "
		       "of seqno %" PRIu64 " is in use and no initialisation is running",
		       goal.after, ms, a->seqno);
}

enum accessor_verdict accessor_poll(struct ksnap_accessor *a, uint64_t after, bool want_advance,
				    uint64_t *ret_seqno)
{
	enum accessor_verdict verdict = ACCESSOR_READY;
	uint64_t seqno = 0;

	if (a) {
		pthread_mutex_lock(&a->lock);
		verdict = judge(a, (struct goal){ want_advance, after });
		seqno = a->seqno;
		pthread_mutex_unlock(&a->lock);
	}
	if (verdict == ACCESSOR_READY && ret_seqno)
		*ret_seqno = seqno;
	return verdict;
}

int accessor_wait_error(struct ksnap_accessor *a, uint64_t after, bool want_advance,
			unsigned timeout_ms, struct ksnap_err *err)
{
	int rc;

	pthread_mutex_lock(&a->lock);
	rc = explain(a, (struct goal){ want_advance, after }, timeout_ms, err);
	pthread_mutex_unlock(&a->lock);
	return rc;
}

static struct timespec deadline_in(unsigned ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

static int wait_for(struct ksnap_accessor *a, struct goal goal, unsigned timeout_ms,
		    uint64_t *ret_seqno, struct ksnap_err *err)
{
	const struct timespec at = deadline_in(timeout_ms);
	enum accessor_verdict verdict;
	uint64_t seqno;
	int late = 0, rc = 0;

	pthread_mutex_lock(&a->lock);
	while ((verdict = judge(a, goal)) == ACCESSOR_PENDING && !late)
		late = pthread_cond_timedwait(&a->changed, &a->lock, &at);
	seqno = a->seqno;
	if (verdict != ACCESSOR_READY)
		rc = explain(a, goal, timeout_ms, err);
	pthread_mutex_unlock(&a->lock);
	if (rc == 0 && ret_seqno)
		*ret_seqno = seqno;
	return rc;
}

static int no_accessor(uint64_t *ret_seqno)
{
	if (ret_seqno)
		*ret_seqno = 0;
	return 0;
}

int ksnap_accessor_wait(struct ksnap_accessor *a, unsigned timeout_ms, uint64_t *ret_seqno,
			struct ksnap_err *err)
{
	if (!a)
		return no_accessor(ret_seqno);
	return wait_for(a, (struct goal){ false, 0 }, timeout_ms, ret_seqno, err);
}

int ksnap_accessor_wait_advance(struct ksnap_accessor *a, uint64_t after, unsigned timeout_ms,
				uint64_t *ret_seqno, struct ksnap_err *err)
{
	if (!a)
		return no_accessor(ret_seqno);
	return wait_for(a, (struct goal){ true, after }, timeout_ms, ret_seqno, err);
}
