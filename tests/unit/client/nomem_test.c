// SPDX-License-Identifier: MIT
/* nomem_test.c - allocation number k of the client fails, once or from there on, for every k: a
 * call ends well or with E_NOMEM, nothing leaks, and a failure that passed has made no silent hole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "fake_broker.h"

#define EV     "event/default"
#define GIVEN  7 /* messages of a round */
#define TRIES  200
#define SOON   2000
#define K_MOST 2000

/* The linker sends the calls of our own objects here (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);

/* The broker's thread never fails; both threads' allocations are counted. */
static _Thread_local unsigned countdown; /* calls until the failing one; 0: none fails */
static _Thread_local bool stays, fired;
static atomic_long live;

static bool fails(void)
{
	if (!countdown)
		return false;
	if (countdown > 1) {
		countdown--;
		return false;
	}
	countdown = stays ? 1 : 0;
	fired = true;
	return true;
}

static void *note(void *p)
{
	live += p != NULL;
	return p;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : note(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	void *p = fails() ? NULL : __real_realloc(old, size);

	live += p && !old;
	return p;
}

char *__wrap_strdup(const char *s)
{
	char *copy = __wrap_malloc(strlen(s) + 1);

	return copy ? strcpy(copy, s) : NULL;
}

void __wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}

/* The harness itself has memory. */
#define unfailing(what)                    \
	do {                               \
		unsigned kept = countdown; \
		countdown = 0;             \
		what;                      \
		countdown = kept;          \
	} while (0)

static bool is_well(int rc)
{
	if (rc < 0 && rc != KSNAP_E_NOMEM)
		fail_msg("%s", ksnap_err_name(rc));
	return rc >= 0;
}

static void drain(struct ksnap_client *c)
{
	KSNAP_OPTS(ksnap_call, call, .op = "replay",
		   .params = "\x82\xa7"
			     "channel\xad"
			     "event/default\xa4"
			     "from\x01",
		   .params_len = 29, .timeout_ms = SOON);
	struct ksnap_reply reply;
	bool more;
	int rc = ksnap_client_call(c, &call, &reply, NULL);

	while (is_well(rc)) {
		more = reply.more;
		ksnap_reply_clear(&reply);
		if (!more)
			break;
		rc = ksnap_client_next(c, &reply, NULL);
	}
}

/* Read until every number up to GIVEN is delivered or told lost, or memory never comes back. */
static void follow(struct fake *f, struct ksnap_subscriber *s)
{
	uint64_t seq = 0;

	for (int i = 0; i < TRIES && seq < GIVEN; i++) {
		struct ksnap_live_msg m;
		int rc = ksnap_subscriber_next(s, 0, &m, NULL);

		if (!rc)
			unfailing(fake_beat(f));
		if (!is_well(rc) || !rc)
			continue;
		assert_int_equal(m.kind == KSNAP_LIVE_LOST ? m.first : m.seq, seq + 1);
		seq = m.kind == KSNAP_LIVE_LOST ? m.last : m.seq;
		ksnap_live_msg_clear(&m);
	}
	assert_true(seq == GIVEN || (stays && fired));
}

static void publish_all(struct fake *f)
{
	fake_publish(f, EV, NULL);
	fake_swallow(f, EV);
	fake_swallow(f, EV);
	fake_swallow(f, EV);
	fake_forget(f, EV, 2);
	fake_publish(f, EV, "payload");
	fake_publish(f, EV, NULL);
	fake_swallow(f, EV);
}

static void scenario(void *context, struct fake *f)
{
	static const char *const channels[] = { "event/", "worker", NULL };
	KSNAP_OPTS(ksnap_connect_opts, o, .timeout_ms = SOON, .zmq_context = context);
	KSNAP_OPTS(ksnap_subscribe_opts, so, .channels = channels);
	struct ksnap_err err = { 0 };
	struct ksnap_client *c = ksnap_client_connect("inproc://control", &o, &err);
	struct ksnap_subscriber *s = NULL;

	if (!c) {
		assert_int_equal(err.code, KSNAP_E_NOMEM);
		return;
	}
	s = ksnap_subscriber_create(c, &so, &err);
	if (s) {
		unfailing(publish_all(f));
		follow(f, s);
		drain(c);
	} else {
		assert_int_equal(err.code, KSNAP_E_NOMEM);
	}
	ksnap_subscriber_destroy(s);
	ksnap_client_destroy(c);
}

/* Whether allocation @k was reached. */
static bool round_fails(unsigned k, bool from_then_on)
{
	void *context = zmq_ctx_new();
	long before = live;
	struct fake *f = fake_start(context, NULL);

	fired = false;
	stays = from_then_on;
	countdown = k;
	scenario(context, f);
	countdown = 0;
	fake_stop(f);
	zmq_ctx_term(context);
	assert_int_equal(live, before);
	return fired;
}

static void each_one_once(void **state)
{
	unsigned k = 1;

	while (round_fails(k, false))
		k++;
	assert_in_range(k, 20, K_MOST);
}

static void each_one_and_all_after(void **state)
{
	unsigned k = 1;

	while (round_fails(k, true))
		k++;
	assert_in_range(k, 20, K_MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_one_once),
		cmocka_unit_test(each_one_and_all_after),
	};

	return cmocka_run_group_tests_name("client/nomem", tests, NULL, NULL);
}
