// SPDX-License-Identifier: MIT
/* broker.c - put the parts together and keep the second: beat, silent sessions, silent workers. */
#include "broker/broker.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "broker/bridges.h"
#include "broker/parts.h"
#include "broker/publish.h"
#include "broker/replays.h"
#include "broker/router.h"
#include "broker/session.h"
#include "broker/state.h"
#include "broker/watching.h"
#include "broker/workers.h"
#include "broker/zap.h"

#define ABSENT_BEATS 2 /* more between two ticks of its own, and the broker was away */

static uint64_t or_default(uint64_t asked, uint64_t standard)
{
	return asked ? asked : standard;
}

static void settle_limits(struct broker *b, const struct broker_opts *o)
{
	b->limits.snapshots = or_default(o->bridge_limits.snapshots, LIMIT_MAX_STORED_SNAPSHOTS);
	b->limits.bytes = or_default(o->bridge_limits.bytes, LIMIT_MAX_STORED_BYTES);
	b->limits.events = or_default(o->bridge_limits.events, LIMIT_MAX_STORED_EVENTS);
	b->limits.watches = or_default(o->bridge_limits.watches, LIMIT_MAX_WATCH_SNAPSHOTS);
	b->max_frame = or_default(o->max_frame, LIMIT_MAX_CONTROL_FRAME);
	b->max_blob = or_default(o->max_blob, LIMIT_MAX_BLOB);
	b->max_bridges = or_default(o->max_bridges, LIMIT_MAX_BRIDGES);
	b->max_sessions = or_default(o->max_sessions, LIMIT_MAX_SESSIONS);
	b->max_unread = or_default(o->max_unread, LIMIT_MAX_UNREAD_BYTES);
	b->max_behind = or_default(o->max_behind, LIMIT_MAX_BEHIND_BYTES);
	b->max_queued_jobs = or_default(o->max_queued_jobs, LIMIT_MAX_QUEUED_JOBS);
}

static int settle_role(struct broker *b, const char *role, struct ksnap_err *err)
{
	b->role = RIGHT_ADMIN;
	if (!role)
		return 0;
	for (enum wire_right r = RIGHT_OBSERVE; r <= RIGHT_ADMIN; r++) {
		if (wire_slice_is(wire_slice_of(role), wire_right_name(r))) {
			b->role = r;
			return 0;
		}
	}
	return err_set(err, KSNAP_E_ARG,
		       "no role is called '%s'; there are observe, capture, watch, write, admin",
		       role);
}

static int draw_epoch(struct broker *b, struct ksnap_err *err)
{
	do {
		if (getrandom(&b->epoch, sizeof(b->epoch), 0) != sizeof(b->epoch))
			return err_set(err, KSNAP_E_INTERNAL, "no random numbers");
		b->epoch &= (1ull << 53) - 1;
	} while (!b->epoch);
	return 0;
}

/* A broker that was stopped, or a machine that was, heard nobody meanwhile: what they said waits to
 * be read, and all of them begin anew. */
static void note_absence(struct broker *b)
{
	uint64_t now = clock_mono_ns();

	if (now - b->ticked_ns > ABSENT_BEATS * (uint64_t)LIMIT_HEARTBEAT_MS * NS_PER_MS) {
		log_info("away for %llu ms",
			 (unsigned long long)((now - b->ticked_ns) / NS_PER_MS));
		b->awake_ns = now;
	}
	b->ticked_ns = now;
}

static void tick(void *arg)
{
	struct broker *b = arg;

	note_absence(b);
	zap_tick(b->zap);
	router_tick(b->router);
	publish_beat(b->publisher);
	workers_tick(b->workers);
	sessions_tick(b->sessions);
	state_tick(b->state);
}

static int make_state(struct broker *b, const struct broker_opts *o, struct ksnap_err *err)
{
	enum state_sync sync = STATE_SYNC_SECOND;
	int rc = o->state_sync ? state_sync_of(o->state_sync, &sync, err) : 0;

	if (rc || !o->state)
		return rc;
	b->state = state_create(b, o->state, sync, err);
	return b->state ? 0 : KSNAP_E_STATE;
}

static int make_parts(struct broker *b, const struct broker_opts *o, struct ksnap_err *err)
{
	if (o->curve && !(b->zap = zap_create(b, o, err)))
		return KSNAP_E_STATE;
	/* Control first: its endpoint tells whether another broker is there. */
	if (!(b->router = router_create(b, o, err)) ||
	    !(b->publisher = publisher_create(b, o, err)) ||
	    !(b->sessions = sessions_create(b, b->max_sessions, err)) ||
	    !(b->watching = watching_create(b, err)) ||
	    !(b->bridges = bridges_create(b, b->max_bridges, err)) ||
	    !(b->replays = replays_create(b, err)) || !(b->workers = workers_create(b, o, err)))
		return KSNAP_E_STATE;
	b->ticked_ns = b->awake_ns = clock_mono_ns();
	b->beat_timer = loop_add_timer(b->loop, LIMIT_HEARTBEAT_MS, tick, b, err);
	return b->beat_timer < 0 ? b->beat_timer : 0;
}

struct broker *broker_create(struct loop *loop, const struct broker_opts *opts,
			     struct ksnap_err *err)
{
	struct broker *b = calloc(1, sizeof(*b));

	if (!b) {
		err_nomem(err);
		return NULL;
	}
	b->loop = loop;
	b->started_mono_ns = clock_mono_ns();
	b->refused_connections = opts->refused_connections;
	b->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	settle_limits(b, opts);
	if (settle_role(b, opts->role, err) || draw_epoch(b, err) || make_parts(b, opts, err) ||
	    make_state(b, opts, err)) {
		broker_destroy(b);
		return NULL;
	}
	return b;
}

void broker_destroy(struct broker *b)
{
	if (!b)
		return;
	if (b->beat_timer > 0)
		loop_remove(b->loop, b->beat_timer);
	/* First who has requests under way: what is pending gets its answer while the router still
	 * sends. */
	workers_destroy(b->workers);
	replays_destroy(b->replays);
	router_destroy(b->router);
	state_destroy(b->state);
	b->state = NULL;
	bridges_destroy(b->bridges);
	watching_destroy(b->watching);
	sessions_destroy(b->sessions);
	publisher_destroy(b->publisher);
	zap_destroy(b->zap);
	buf_fini(&b->result);
	buf_fini(&b->reply);
	if (b->statm >= 0)
		close(b->statm);
	free(b);
}

void broker_worker_gone(struct broker *b, const char *name, uint64_t pid, const char *why)
{
	workers_gone(b->workers, name, pid, why);
}

int broker_reload_keys(struct broker *b, struct ksnap_err *err)
{
	bool lost;
	int rc;

	if (!b->zap)
		return err_set(err, KSNAP_E_STATE, "this broker has no file of keys");
	rc = zap_reload(b->zap, &lost, err);
	if (rc)
		return rc;
	sessions_check_keys(b->sessions);
	workers_refuse_revoked(b->workers);
	workers_check_keys(b->workers);
	if (lost)
		publisher_cut(b->publisher);
	return 0;
}

uint64_t broker_epoch(const struct broker *b)
{
	return b->epoch;
}

const char *broker_control_endpoint(const struct broker *b)
{
	return router_endpoints(b->router)[0];
}

const char *broker_live_endpoint(const struct broker *b)
{
	return publisher_endpoints(b->publisher)[0];
}

const char *broker_work_endpoint(const struct broker *b)
{
	return workers_endpoints(b->workers)[0];
}
