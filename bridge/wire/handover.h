/* SPDX-License-Identifier: MIT */
/* handover.h - tell ThreadSanitizer that a message orders two threads.
 *
 * Whoever receives a message sees all that its sender had written. libzmq guarantees that, but it
 * is not built with the sanitizer, which would report each message as a race. Nothing in other
 * builds. */
#ifndef KSNAP_WIRE_HANDOVER_H
#define KSNAP_WIRE_HANDOVER_H

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define HANDOVER_TSAN 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define HANDOVER_TSAN 1
#endif

#ifdef HANDOVER_TSAN
extern char handover_point;
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);

static inline void handover_before_send(void)
{
	__tsan_release(&handover_point);
}

static inline void handover_after_recv(void)
{
	__tsan_acquire(&handover_point);
}
#else
static inline void handover_before_send(void)
{
}

static inline void handover_after_recv(void)
{
}
#endif

#endif
