// SPDX-License-Identifier: MIT
/* subscriber.c - the live bus without silent holes.
 *
 * The socket's own queue is the buffer: nothing is read from it while a replay fills a hole. Beats
 * tell the newest number of every channel, so a hole shows even when nothing follows it. The first
 * beat shows that the subscription is in place, and positions begin there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "client/channels.h"
#include "client/client.h"
#include "client/endpoint.h"
#include "client/live.h"
#include "client/options.h"
#include "client/subscriber.h"
#include "client/wait.h"
#include "wire/handshake.h"
#include "wire/pack.h"
#include "wire/shapes.h"

#define DEFAULT_HWM       1000
#define REPLAY_TIMEOUT_MS 5000
#define BEATS_TO_WAIT     5
/* Messages of a replay kept here at most; the rest is asked for again. */
#define QUEUE_MAX LIMIT_MAX_RETAINED_HEADERS

enum start { START_LIVE, START_OLDEST, START_LAST, START_SEQ };

struct ksnap_subscriber {
	struct ksnap_client *client; /* borrowed */
	void *socket;                /* SUB */
	char **prefixes;             /* of the user; none: all */
	size_t nprefixes;
	struct handshakes handshakes; /* of @socket, on tcp */
	bool gives_beats;             /* a prefix of the user names them */
	enum start start;
	uint64_t start_n;
	uint64_t epoch;
	bool is_behind; /* perhaps some channel needs a replay */
	struct channels channels;
	struct live_queue queue;    /* to be delivered next */
	struct ksnap_live_msg held; /* came behind a hole; next after its replay */
	bool is_holding;
	uint64_t delivered, lost;
	uint64_t heard, duplicates, broken;
};

/* ---- options ------------------------------------------------------------------------------- */

static bool parse_number(const char *s, uint64_t *ret)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*ret = strtoull(s, &end, 10);
	return !errno && !*end && *ret <= LIVE_SEQ_MAX;
}

static int parse_start(struct ksnap_subscriber *s, const char *from, struct ksnap_err *err)
{
	if (!from) {
		s->start = START_LIVE;
	} else if (!strcmp(from, "oldest")) {
		s->start = START_OLDEST;
	} else if (!strncmp(from, "last:", 5) && parse_number(from + 5, &s->start_n)) {
		s->start = START_LAST;
	} else if (parse_number(from, &s->start_n)) {
		s->start = START_SEQ;
	} else {
		return err_set(
			err, KSNAP_E_ARG,
			"from is \"%s\"; \"oldest\", \"last:N\" or a sequence number is meant",
			from);
	}
	return 0;
}

static bool covers_beats(const char *prefix)
{
	return !strncmp(prefix, LIVE_BEAT, strlen(prefix));
}

static int copy_prefixes(struct ksnap_subscriber *s, const char *const *channels,
			 struct ksnap_err *err)
{
	size_t n = 0;

	while (channels && channels[n])
		n++;
	s->prefixes = calloc(n + 1, sizeof(char *));
	if (!s->prefixes)
		return err_nomem(err);
	for (size_t i = 0; i < n; i++) {
		if (strlen(channels[i]) >= CHANNEL_NAME)
			return err_set(err, KSNAP_E_ARG,
				       "\"%s\" is longer than a channel's name (%d bytes)",
				       channels[i], CHANNEL_NAME - 1);
		s->prefixes[s->nprefixes] = strdup(channels[i]);
		if (!s->prefixes[s->nprefixes])
			return err_nomem(err);
		s->nprefixes++;
		s->gives_beats |=
			*channels[i] && !strncmp(channels[i], LIVE_BEAT, strlen(channels[i]));
	}
	return 0;
}

static bool is_wanted(const struct ksnap_subscriber *s, const char *channel, size_t len)
{
	for (size_t i = 0; i < s->nprefixes; i++) {
		size_t n = strlen(s->prefixes[i]);

		if (n <= len && !memcmp(s->prefixes[i], channel, n))
			return true;
	}
	return !s->nprefixes;
}

/* ---- positions ----------------------------------------------------------------------------- */

static void need_up_to(struct ksnap_subscriber *s, struct channel_state *ch, uint64_t until)
{
	if (until >= ch->next && until > ch->until) {
		ch->until = until;
		s->is_behind = true;
	}
}

/* Where to begin on a channel whose newest message is @last. */
static void begin_channel(struct ksnap_subscriber *s, struct channel_state *ch, uint64_t last)
{
	ch->lenient = s->start == START_OLDEST || s->start == START_LAST;
	if (s->start == START_LIVE)
		ch->next = last + 1;
	else if (s->start == START_LAST)
		ch->next = last > s->start_n ? last - s->start_n + 1 : 1;
	else if (s->start == START_SEQ)
		ch->next = s->start_n > last ? last + 1 : s->start_n ? s->start_n : 1;
	need_up_to(s, ch, last);
}

static int hear_first(void *arg, const char *channel, size_t len, uint64_t last,
		      struct ksnap_err *err)
{
	struct ksnap_subscriber *s = arg;
	struct channel_state *ch;
	int rc;

	if (!is_wanted(s, channel, len) || channels_find(&s->channels, channel, len))
		return 0;
	rc = channels_add(&s->channels, channel, len, 1, &ch, err);
	if (!rc)
		begin_channel(s, ch, last);
	return rc;
}

/* A channel that is not known began after we did, so everything on it is wanted. */
static int find_or_begin(struct ksnap_subscriber *s, const char *channel, size_t len,
			 struct channel_state **ret, struct ksnap_err *err)
{
	*ret = channels_find(&s->channels, channel, len);
	return *ret ? 0 : channels_add(&s->channels, channel, len, 1, ret, err);
}

static int hear_later(void *arg, const char *channel, size_t len, uint64_t last,
		      struct ksnap_err *err)
{
	struct ksnap_subscriber *s = arg;
	struct channel_state *ch;
	int rc;

	if (!is_wanted(s, channel, len))
		return 0;
	rc = find_or_begin(s, channel, len, &ch, err);
	if (!rc)
		need_up_to(s, ch, last);
	return rc;
}

/* ---- what is delivered ----------------------------------------------------------------------- */

/* Takes @m over. */
static int enqueue(struct ksnap_subscriber *s, struct ksnap_live_msg *m, struct ksnap_err *err)
{
	if (live_queue_push(&s->queue, m)) {
		ksnap_live_msg_clear(m);
		return err_nomem(err);
	}
	memset(m, 0, sizeof(*m));
	return 0;
}

/* Numbers next..last of @ch are gone for good. */
static int give_up(struct ksnap_subscriber *s, struct channel_state *ch, uint64_t last,
		   struct ksnap_err *err)
{
	struct ksnap_live_msg m = {
		.kind = KSNAP_LIVE_LOST,
		.first = ch->next,
		.last = last,
		.lost = last - ch->next + 1,
		.epoch = s->epoch,
	};

	if (!ch->lenient) {
		strcpy(m.channel, ch->name);
		if (enqueue(s, &m, err))
			return KSNAP_E_NOMEM;
	}
	ch->next = last + 1;
	return 0;
}

/* ---- replay ---------------------------------------------------------------------------------- */

/* Takes @m over: a header from the broker's memory. */
static int place_replayed(struct ksnap_subscriber *s, struct channel_state *ch,
			  struct ksnap_live_msg *m, struct ksnap_err *err)
{
	int rc;

	if (m->epoch != s->epoch || strcmp(m->channel, ch->name) || m->seq < ch->next ||
	    m->seq > ch->until) {
		ksnap_live_msg_clear(m);
		return 0;
	}
	if (m->seq > ch->next && (rc = give_up(s, ch, m->seq - 1, err))) {
		ksnap_live_msg_clear(m);
		return rc;
	}
	m->replayed = true;
	if ((rc = enqueue(s, m, err)))
		return rc;
	ch->next++;
	ch->lenient = false;
	return 0;
}

static int take_part(struct ksnap_subscriber *s, struct channel_state *ch,
		     const struct ksnap_reply *part, struct ksnap_err *err)
{
	struct wire_arena arena = { 0 };
	struct wire_replay_reply r = { 0 };
	struct ksnap_live_msg m;
	_blob_ struct ksnap_blob *header = NULL;
	int rc = wire_decode(&wire_shape_replay_reply, part->r, part->r_len, WIRE_SKIP_UNKNOWN,
			     &arena, &r, err);

	wire_arena_fini(&arena);
	if (rc || !r.has_header)
		return rc;
	header = ksnap_blob_copy(r.header.p, r.header.len);
	if (!header)
		return err_nomem(err);
	if ((rc = live_from_header(header, &m, err)))
		return rc;
	return place_replayed(s, ch, &m, err);
}

static int ask_replay(struct ksnap_subscriber *s, const struct channel_state *ch,
		      struct ksnap_reply *ret, struct ksnap_err *err)
{
	KSNAP_OPTS(ksnap_call, call, .op = "replay", .timeout_ms = REPLAY_TIMEOUT_MS);
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &b);
	msgpack_pack_map(&pk, 2);
	pack_str(&pk, "channel");
	pack_str(&pk, ch->name);
	pack_str(&pk, "from");
	msgpack_pack_uint64(&pk, ch->next);
	if (!buf_ok(&b))
		return err_nomem(err);
	call.params = b.data;
	call.params_len = b.len;
	return ksnap_client_call(s->client, &call, ret, err);
}

/* Read the parts. 0: all read, *ret_whole says whether up to the last one. */
static int read_replay(struct ksnap_subscriber *s, struct channel_state *ch, bool *ret_whole,
		       struct ksnap_err *err)
{
	struct ksnap_reply part;
	int rc = ask_replay(s, ch, &part, err);

	for (size_t n = 0; !rc; n++) {
		bool more = part.more;

		if (n > QUEUE_MAX) {
			ksnap_reply_clear(&part);
			return err_set(err, KSNAP_E_PROTO,
				       "it has more parts than MAX_RETAINED_HEADERS (%d)",
				       QUEUE_MAX);
		}
		rc = take_part(s, ch, &part, err);
		ksnap_reply_clear(&part);
		*ret_whole = !more;
		if (rc || !more || s->queue.len >= QUEUE_MAX)
			return rc;
		rc = ksnap_client_next(s->client, &part, err);
	}
	return rc;
}

/* Fill the hole of @ch, or say what is gone. A failure that may pass leaves the rest of the hole to
 * the next try. */
static int replay(struct ksnap_subscriber *s, struct channel_state *ch, struct ksnap_err *err)
{
	struct ksnap_err why = { 0 };
	bool whole = false;
	int rc = read_replay(s, ch, &whole, &why);

	if (rc && ksnap_err_retry(rc))
		return err_set(err, rc, "replay of %s from %" PRIu64 ": %s", ch->name, ch->next,
			       why.text);
	if (rc)
		log_warn("replay of %s from %" PRIu64 " was refused: %s", ch->name, ch->next,
			 why.text);
	if ((rc || whole) && ch->until >= ch->next)
		return give_up(s, ch, ch->until, err);
	return 0;
}

static int catch_up(struct ksnap_subscriber *s, struct ksnap_err *err)
{
	struct channel_state *ch = channels_behind(&s->channels);

	if (ch)
		return replay(s, ch, err);
	s->is_behind = false;
	return 0;
}

/* ---- live ------------------------------------------------------------------------------------ */

/* Takes @m over: a message of a channel. */
static int place_live(struct ksnap_subscriber *s, struct ksnap_live_msg *m, struct ksnap_err *err)
{
	struct channel_state *ch;
	int rc = find_or_begin(s, m->channel, strlen(m->channel), &ch, err);

	if (rc || m->seq < ch->next) {
		s->duplicates += !rc;
		ksnap_live_msg_clear(m);
		return rc;
	}
	if (m->seq > ch->next) {
		need_up_to(s, ch, m->seq - 1);
		s->held = *m;
		s->is_holding = true;
		return 0;
	}
	if ((rc = enqueue(s, m, err)))
		return rc;
	ch->next++;
	ch->lenient = false;
	return 0;
}

static int release_held(struct ksnap_subscriber *s, struct ksnap_err *err)
{
	struct ksnap_live_msg m = s->held;

	s->is_holding = false;
	return place_live(s, &m, err);
}

/* The broker restarted: everything of its new life is wanted. */
static int begin_epoch(struct ksnap_subscriber *s, uint64_t epoch, struct ksnap_err *err)
{
	struct ksnap_live_msg m = { .kind = KSNAP_LIVE_EPOCH, .epoch = epoch };

	if (enqueue(s, &m, err))
		return KSNAP_E_NOMEM;
	s->epoch = epoch;
	channels_clear(&s->channels);
	return 0;
}

/* Takes @m over. */
static int take_in(struct ksnap_subscriber *s, struct ksnap_live_msg *m, struct ksnap_err *err)
{
	int rc = m->epoch == s->epoch ? 0 : begin_epoch(s, m->epoch, err);

	if (!rc && live_is_beat(m)) {
		channels_beat(&s->channels);
		rc = live_beat_each(m, hear_later, s, err);
		if (!rc && s->gives_beats)
			return enqueue(s, m, err);
	} else if (!rc && is_wanted(s, m->channel, strlen(m->channel))) {
		return place_live(s, m, err);
	}
	ksnap_live_msg_clear(m);
	return rc;
}

/* Read one message. 1: got a sound one; 0: none waits, negative: the socket failed. */
static int read_live(struct ksnap_subscriber *s, struct ksnap_live_msg *ret, struct ksnap_err *err)
{
	for (;;) {
		_frames_ struct frames f = { 0 };
		struct ksnap_err why = { 0 };
		int rc = frames_recv(s->socket, &f, &why);

		if (!rc)
			return 0;
		if (rc < 0 && rc != KSNAP_E_PROTO)
			return err_set(err, rc, "%s", why.text);
		if (rc > 0 && !live_from_frames(&f, ret, &why)) {
			s->heard++;
			return 1;
		}
		s->broken++;
		log_debug("a live message was skipped: %s", why.text);
	}
}

static int take_live(struct ksnap_subscriber *s, struct ksnap_err *err)
{
	struct ksnap_live_msg m;
	int rc = read_live(s, &m, err);

	if (rc <= 0)
		return rc;
	rc = take_in(s, &m, err);
	return rc ? rc : 1;
}

/* ---- the public face ------------------------------------------------------------------------- */

/* What brings the beats is subscribed to last: the first beat then shows that all is in place. Of
 * several such prefixes the shortest covers the others. */
static int subscribe(struct ksnap_subscriber *s, struct ksnap_err *err)
{
	const char *last = s->nprefixes ? LIVE_BEAT : "";

	for (size_t i = 0; i < s->nprefixes; i++) {
		const char *prefix = s->prefixes[i];

		if (covers_beats(prefix))
			last = strlen(prefix) < strlen(last) ? prefix : last;
		else if (zmq_setsockopt(s->socket, ZMQ_SUBSCRIBE, prefix, strlen(prefix)))
			return err_errno(err, KSNAP_E_INTERNAL, zmq_errno(), "no subscription");
	}
	if (zmq_setsockopt(s->socket, ZMQ_SUBSCRIBE, last, strlen(last)))
		return err_errno(err, KSNAP_E_INTERNAL, zmq_errno(), "no subscription");
	return 0;
}

static int open_socket(struct ksnap_subscriber *s, int hwm, struct ksnap_err *err)
{
	const char *url = ksnap_client_live_endpoint(s->client);
	const int linger = 0, most_ms = 1000;
	const int64_t max = LIMIT_MAX_BLOB;
	int rc;

	if (!*url)
		return err_set(err, KSNAP_E_UNSUPPORTED, "the broker at %s serves no live endpoint",
			       ksnap_client_endpoint(s->client));
	s->socket = zmq_socket(client_context(s->client), ZMQ_SUB);
	if (!s->socket || zmq_setsockopt(s->socket, ZMQ_LINGER, &linger, sizeof(linger)) ||
	    zmq_setsockopt(s->socket, ZMQ_RCVHWM, &hwm, sizeof(hwm)) ||
	    zmq_setsockopt(s->socket, ZMQ_RECONNECT_IVL_MAX, &most_ms, sizeof(most_ms)) ||
	    zmq_setsockopt(s->socket, ZMQ_MAXMSGSIZE, &max, sizeof(max)))
		return err_errno(err, KSNAP_E_INTERNAL, zmq_errno(), "no ZeroMQ socket");
	if ((rc = curve_connects(s->socket, client_curve(s->client), err)))
		return rc;
	if (endpoint_is_tcp(url) &&
	    (rc = handshakes_watch(&s->handshakes, client_context(s->client), s->socket, err)))
		return rc;
	if (zmq_connect(s->socket, url))
		return err_errno(err, KSNAP_E_PROTO, zmq_errno(), "the live endpoint %s", url);
	return subscribe(s, err);
}

/* Until there is something to read. E_DENIED: the broker does not let us in (any more). */
static int await_readable(struct ksnap_subscriber *s, uint64_t deadline_ns, struct ksnap_err *err)
{
	int rc = wait_either(s->socket, ZMQ_POLLIN, 0, s->handshakes.watch, deadline_ns, err);
	int refused = handshakes_refused(&s->handshakes, ksnap_client_live_endpoint(s->client),
					 client_curve(s->client)->server[0], err);

	return refused ? refused : rc;
}

static int await_live(struct ksnap_subscriber *s, uint64_t deadline_ns, struct ksnap_live_msg *ret,
		      struct ksnap_err *err)
{
	for (;;) {
		int rc = read_live(s, ret, err);

		if (rc)
			return rc;
		rc = await_readable(s, deadline_ns, err);
		if (rc < 0)
			return rc;
		if (rc == WAIT_DEADLINE)
			return err_set(err, KSNAP_E_UNREACHABLE,
				       "no beat came from %s within %d heartbeats",
				       ksnap_client_live_endpoint(s->client), BEATS_TO_WAIT);
	}
}

static int await_first_beat(struct ksnap_subscriber *s, struct ksnap_err *err)
{
	uint64_t beat_ms = client_heartbeat_ms(s->client);
	uint64_t deadline_ns = wait_until(BEATS_TO_WAIT * (beat_ms ? beat_ms : LIMIT_HEARTBEAT_MS));
	struct ksnap_live_msg m;

	for (;;) {
		int rc = await_live(s, deadline_ns, &m, err);
		bool is_beat = rc > 0 && live_is_beat(&m);

		if (rc < 0)
			return rc;
		s->epoch = m.epoch;
		rc = is_beat ? live_beat_each(&m, hear_first, s, err) : 0;
		ksnap_live_msg_clear(&m);
		if (is_beat)
			return rc;
	}
}

static int set_up(struct ksnap_subscriber *s, const struct ksnap_subscribe_opts *given,
		  struct ksnap_err *err)
{
	struct ksnap_subscribe_opts o = { 0 };
	int rc = given ? options_copy(&o, sizeof(o), given, "ksnap_subscribe_opts", err) : 0;

	if (rc)
		return rc;
	if (o.hwm < 0)
		return err_set(err, KSNAP_E_ARG, "hwm is %d; it counts messages", o.hwm);
	if ((rc = parse_start(s, o.from, err)) || (rc = copy_prefixes(s, o.channels, err)) ||
	    (rc = open_socket(s, o.hwm ? o.hwm : DEFAULT_HWM, err)))
		return rc;
	return await_first_beat(s, err);
}

struct ksnap_subscriber *ksnap_subscriber_create(struct ksnap_client *c,
						 const struct ksnap_subscribe_opts *opts,
						 struct ksnap_err *err)
{
	struct ksnap_subscriber *s = calloc(1, sizeof(*s));

	if (!s) {
		err_nomem(err);
		return NULL;
	}
	s->client = c;
	if (!set_up(s, opts, err))
		return s;
	ksnap_subscriber_destroy(s);
	return NULL;
}

void ksnap_subscriber_destroy(struct ksnap_subscriber *s)
{
	int saved = errno;

	if (!s)
		return;
	if (s->socket)
		zmq_close(s->socket);
	handshakes_close(&s->handshakes);
	for (size_t i = 0; i < s->nprefixes; i++)
		free(s->prefixes[i]);
	free(s->prefixes);
	if (s->is_holding)
		ksnap_live_msg_clear(&s->held);
	live_queue_fini(&s->queue);
	channels_fini(&s->channels);
	free(s);
	errno = saved;
}

static int deliver(struct ksnap_subscriber *s, const struct ksnap_live_msg *m,
		   struct ksnap_live_msg *ret)
{
	s->delivered += m->kind == KSNAP_LIVE_MESSAGE;
	s->lost += m->kind == KSNAP_LIVE_LOST ? m->lost : 0;
	*ret = *m;
	return 1;
}

/* Get on by one step. 1: something was done; 0: only the outside can help. */
static int advance(struct ksnap_subscriber *s, struct ksnap_err *err)
{
	int rc;

	if (!s->is_behind && !s->is_holding)
		return take_live(s, err);
	rc = s->is_behind ? catch_up(s, err) : release_held(s, err);
	return rc ? rc : 1;
}

int ksnap_subscriber_next(struct ksnap_subscriber *s, int timeout_ms, struct ksnap_live_msg *ret,
			  struct ksnap_err *err)
{
	uint64_t deadline_ns = timeout_ms < 0 ? WAIT_FOR_EVER : wait_until(timeout_ms);
	struct ksnap_live_msg m;
	int rc;

	for (;;) {
		if (live_queue_pop(&s->queue, &m))
			return deliver(s, &m, ret);
		rc = advance(s, err);
		if (rc > 0)
			continue;
		if (!rc)
			rc = await_readable(s, deadline_ns, err);
		if (rc != WAIT_READY)
			return rc < 0 ? rc : 0;
	}
}

void ksnap_subscriber_totals(const struct ksnap_subscriber *s, uint64_t *delivered, uint64_t *lost)
{
	if (delivered)
		*delivered = s->delivered;
	if (lost)
		*lost = s->lost;
}

uint64_t subscriber_heard(const struct ksnap_subscriber *s)
{
	return s->heard;
}
