/* SPDX-License-Identifier: MIT */
/* fake_broker.h - a broker in a thread that answers as a test scripts it.
 *
 * Control and live sockets are bound where the test says. Calls of the test are carried out by the
 * thread before they return, so what was published over inproc:// is in every subscriber's queue.
 */
#ifndef FAKE_BROKER_H
#define FAKE_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/envelope.h"
#include "wire/frames.h"
#include "wire/pack.h"

struct fake;

struct fake_request {
	const struct frames *frames; /* [routing id] [envelope] [blob ...] */
	struct wire_request rq;
};

/* Runs in the fake's thread. */
typedef void (*fake_fn)(struct fake *f, const struct fake_request *rq, void *arg);

struct fake_opts {
	const char *control, *live; /* inproc://control and inproc://live when NULL */
	const char *told_live;      /* what hello tells; live when NULL, none when "" */
	uint64_t epoch, max_blob, max_frame;
	uint64_t heartbeat_ms;
	int live_hwm;    /* XPUB send queue; 1000 when 0 */
	bool mute_beats; /* no beat at a subscription */
};

struct fake *fake_start(void *context, const struct fake_opts *opts);
/* Closes its sockets first; requests not answered stay so. */
void fake_stop(struct fake *f);

/* Answer @op so from now on. Until then: hello, bye and ping well, replay from what was published,
 * anything else with E_OP. */
void fake_on(struct fake *f, const char *op, fake_fn fn, void *arg);
/* Requests of this op so far. */
unsigned fake_count(struct fake *f, const char *op);

/* ---- for handlers */
struct fake_answer {
	uint64_t id_off; /* added to the id that is answered */
	bool nil_id, more;
	const void *r; /* msgpack; nil when NULL */
	size_t r_len;
	int code; /* an error reply when not 0 */
	const char *text;
	uint64_t blobs; /* as announced */
	size_t nparts;  /* as sent, each of the bytes "blob<i>" */
};
void fake_answer(struct fake *f, const struct fake_request *rq, const struct fake_answer *a);
void fake_send(struct fake *f, const struct fake_request *rq, const void *envelope, size_t len);
/* Close the control socket in the middle of it all. */
void fake_hang_up(struct fake *f);

/* ---- the live bus */
void fake_publish(struct fake *f, const char *channel, const char *payload);
/* Number and keep a message that no subscriber gets. */
void fake_swallow(struct fake *f, const char *channel);
/* Forget what is kept of @channel up to @seq. */
void fake_forget(struct fake *f, const char *channel, uint64_t seq);
/* Keep all but @seq. */
void fake_pierce(struct fake *f, const char *channel, uint64_t seq);
/* Send the message @seq of @channel once more. */
void fake_repeat(struct fake *f, const char *channel, uint64_t seq);
void fake_beat(struct fake *f);
/* Be another broker: no channels, this epoch. */
void fake_restart(struct fake *f, uint64_t epoch);
/* Send a header as it is. */
void fake_publish_raw(struct fake *f, const char *channel, const void *header, size_t len);

#endif
