// SPDX-License-Identifier: MIT
/* watch_set.c - arm, count, tell, and end by itself what costs too much. */
#include "capture/live/watch_set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "capture/live/breakpoint.h"
#include "capture/live/cpu_news.h"
#include "capture/live/watch_hit.h"
#include "capture/live/watch_prog.h"

#define TICK_NS    (NS_PER_S / 4)
#define CALM_TICKS 4 /* without a suppressed hit, before the next one is news again */

struct armed {
	struct armed *next;
	uint64_t id;
	unsigned index; /* of its slot in the program */
	bool is_signed; /* what it watches */
	struct breakpoint bp;
	uint64_t told, max_hits;
	uint64_t received;            /* records, told and not told yet */
	uint64_t dropped;             /* records for which there was no memory */
	uint64_t counted;             /* hits, just before records were read last */
	uint64_t suppressed, unseen;  /* as known last; they never fall */
	uint64_t since_ns, hits_then; /* the window of a second over which it is judged */
	uint64_t suppressed_then;     /* at the last tick */
	unsigned calm_ticks;          /* since a hit was suppressed */
	bool must_tell;               /* that hits are suppressed now */
	bool must_count;              /* how many hits there are, which is news */
	const char *over;             /* why it ends; NULL: it does not */
	watch_gone_fn gone;
	void (*release)(void *arg);
	void *arg;
};

static void on_record(void *arg, const struct watch_record *r);

int watch_set_poll(struct watch_set *s, int fd, struct ksnap_err *err)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev))
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot wait for watches");
	return 0;
}

int watch_set_init(struct watch_set *s, struct code_names *code, struct btf_types *types,
		   struct ksnap_err *err)
{
	*s = (struct watch_set){ .code = code, .types = types, .cpus = -1 };
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->epoll < 0 || s->timer < 0)
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot wait for watches");
	return watch_set_poll(s, s->timer, err);
}

static void close_cpus(struct watch_set *s)
{
	cleanup_close(&s->cpus);
	s->cpus = -1;
}

/* Without it the timer sees CPUs that come, only later. */
static void hear_of_cpus(struct watch_set *s)
{
	struct ksnap_err err;

	if (!s->first)
		close_cpus(s);
	if (!s->first || s->cpus >= 0)
		return;
	s->cpus = cpu_news_open(&err);
	if (s->cpus >= 0 && !watch_set_poll(s, s->cpus, &err))
		return;
	close_cpus(s);
	log_warn("%s; a CPU that comes is watched %llu ms later at most", err.text,
		 TICK_NS / NS_PER_MS);
}

/* Timer and news are there while there is something to look after. */
static void look_out(struct watch_set *s)
{
	struct itimerspec its = { 0 };

	if (s->first)
		its.it_interval.tv_nsec = its.it_value.tv_nsec = TICK_NS;
	timerfd_settime(s->timer, 0, &its, NULL);
	hear_of_cpus(s);
}

static void free_armed(struct watch_set *s, struct armed *w)
{
	breakpoint_close(&w->bp);
	watch_prog_slot(s->prog, w->index)->len = 0;
	if (w->release)
		w->release(w->arg);
	free(w);
}

void watch_set_fini(struct watch_set *s)
{
	while (s->first) {
		struct armed *w = s->first;

		s->first = w->next;
		free_armed(s, w);
	}
	watch_prog_destroy(s->prog);
	cleanup_close(&s->timer);
	cleanup_close(&s->cpus);
	cleanup_close(&s->epoll);
	buf_fini(&s->records);
	buf_fini(&s->hit);
	*s = WATCH_SET_INIT;
}

static struct armed *find(const struct watch_set *s, uint64_t id)
{
	struct armed *w = s->first;

	while (w && w->id != id)
		w = w->next;
	return w;
}

/* ---- arming ---------------------------------------------------------------------------------- */

static int load_prog(struct watch_set *s, struct ksnap_err *err)
{
	const struct btf *kernel;
	int ret;

	if (s->prog)
		return 0;
	kernel = s->types ? btf_types_load(s->types, BTF_OF_KERNEL, NULL) : NULL;
	s->prog = watch_prog_create(kernel, on_record, s, err);
	if (!s->prog)
		return err ? err->code : KSNAP_E_TARGET;
	ret = watch_set_poll(s, watch_prog_ring_fd(s->prog), err);
	if (ret)
		watch_prog_destroy(take_ptr(s->prog));
	return ret;
}

int watch_set_prepare(struct watch_set *s, struct ksnap_err *err)
{
	int ret = load_prog(s, err);

	if (!ret)
		watch_prog_trap_ns(s->prog);
	return ret;
}

static int take_slot(struct watch_set *s, unsigned *ret, struct ksnap_err *err)
{
	for (unsigned i = 0; i < WATCH_SLOTS; i++) {
		if (watch_prog_slot(s->prog, i)->len)
			continue;
		*ret = i;
		return 0;
	}
	return err_set(err, KSNAP_E_LIMIT, "this worker has %d watches, which is all it can have",
		       WATCH_SLOTS);
}

static void fill_slot(struct watch_slot *slot, const struct watch_request *rq,
		      const struct watch_memory *at)
{
	uint64_t interval = NS_PER_S / (rq->rate ? rq->rate : 1);

	*slot = (struct watch_slot){
		.id = rq->id,
		.addr = at->addr,
		.len = at->len,
		.interval_ns = interval,
		.burst_ns = interval * (rq->burst ? rq->burst - 1 : 0),
		.old = at->now,
	};
}

static int arm(struct watch_set *s, struct armed *w, const struct watch_request *rq,
	       const struct watch_memory *at, struct ksnap_err *err)
{
	struct breakpoint_spec spec = { .addr = at->addr, .len = at->len };
	int ret = watch_set_prepare(s, err);

	ret = ret ? ret : take_slot(s, &w->index, err);
	ret = ret ? ret : watch_prog_forget(s->prog, w->index, err);
	if (ret)
		return ret;
	fill_slot(watch_prog_slot(s->prog, w->index), rq, at);
	spec.prog_fd = watch_prog_fd(s->prog);
	spec.cookie = w->index;
	ret = breakpoint_open(&w->bp, &spec, err);
	if (ret)
		watch_prog_slot(s->prog, w->index)->len = 0;
	return ret;
}

/* The first of the registers 1 to 3 that no watch of ours is called by. */
static unsigned register_number(const struct watch_set *s, const struct armed *me)
{
	unsigned n = 1;

	for (const struct armed *w = s->first; w; w = w->next)
		n += w != me;
	return n;
}

int watch_set_arm(struct watch_set *s, const struct watch_request *rq,
		  const struct watch_memory *at, watch_gone_fn gone, void (*release)(void *arg),
		  void *arg, struct watch_place *ret, struct ksnap_err *err)
{
	struct armed *w = calloc(1, sizeof(*w));
	int rc = w ? arm(s, w, rq, at, err) : err_nomem(err);

	if (rc) {
		free(w);
		if (release)
			release(arg);
		return rc;
	}
	w->id = rq->id;
	w->is_signed = at->is_signed;
	w->max_hits = rq->max_hits;
	w->since_ns = clock_mono_ns();
	w->calm_ticks = CALM_TICKS;
	w->gone = gone;
	w->release = release;
	w->arg = arg;
	*ret = (struct watch_place){ at->addr, at->len, register_number(s, w), NULL };
	w->next = s->first;
	s->first = w;
	look_out(s);
	return 0;
}

/* ---- counting -------------------------------------------------------------------------------- */

static void on_record(void *arg, const struct watch_record *r)
{
	struct watch_set *s = arg;
	struct armed *w = find(s, r->id);

	/* One that finds no memory is counted as suppressed, like every hit that is not told. */
	if (w && !buf_append(&s->records, r, sizeof(*r)))
		w->received++;
	else if (w)
		w->dropped++;
	s->records.failed = false; /* what came before is there */
}

/* Those that perf counted beyond what the program has seen, which is read later: never too many. */
static uint64_t unseen(const struct watch_set *s, const struct armed *w, uint64_t counted)
{
	const volatile struct watch_slot *slot = watch_prog_slot(s->prog, w->index);
	uint64_t seen = slot->told + slot->quiet;

	return counted > seen ? counted - seen : 0;
}

/* In this order: a hit whose record was not read yet is not one that was only counted. */
static void read_all(struct watch_set *s)
{
	for (struct armed *w = s->first; w; w = w->next) {
		uint64_t n;

		w->counted = breakpoint_count(&w->bp);
		n = unseen(s, w, w->counted);
		w->unseen = n > w->unseen ? n : w->unseen;
	}
	if (s->prog)
		watch_prog_read(s->prog);
}

/* As of the last read_all. */
static struct watch_counts count(struct armed *w)
{
	uint64_t known = w->counted > w->received ? w->counted - w->received : 0;

	if (known > w->suppressed)
		w->suppressed = known;
	return (struct watch_counts){ .hits = w->told + w->suppressed,
				      .told = w->told,
				      .suppressed = w->suppressed,
				      .unseen = w->unseen < w->suppressed ? w->unseen
									  : w->suppressed };
}

/* At the hit of @r, which is the last of those told: what came behind it is not among them. */
static struct watch_counts count_at(const struct armed *w, const struct watch_record *r)
{
	uint64_t suppressed = r->quiet + r->unseen + w->dropped;

	return (struct watch_counts){ .hits = w->told + suppressed,
				      .told = w->told,
				      .suppressed = suppressed,
				      .unseen = r->unseen };
}

/* After the last hit: what was not told is suppressed. */
static struct watch_counts final_counts(const struct watch_set *s, struct armed *w)
{
	uint64_t hits;

	breakpoint_stop(&w->bp);
	hits = breakpoint_count(&w->bp);
	return (struct watch_counts){ .hits = hits,
				      .told = w->told,
				      .suppressed = hits > w->told ? hits - w->told : 0,
				      .unseen = unseen(s, w, hits) };
}

static void end_watch(struct watch_set *s, struct armed *w, struct watch_counts *ret)
{
	struct armed **link = &s->first;

	*ret = final_counts(s, w);
	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	free_armed(s, w);
	look_out(s);
}

static int miss(uint64_t id, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_NOTFOUND, "no watch %" PRIu64 " is armed here", id);
}

int watch_set_disarm(struct watch_set *s, uint64_t id, struct watch_counts *ret,
		     struct ksnap_err *err)
{
	struct armed *w = find(s, id);

	if (!w)
		return miss(id, err);
	end_watch(s, w, ret);
	return 0;
}

int watch_set_counts(struct watch_set *s, uint64_t id, struct watch_counts *ret,
		     struct ksnap_err *err)
{
	struct armed *w = find(s, id);

	if (!w)
		return miss(id, err);
	read_all(s);
	*ret = count(w);
	return 0;
}

/* ---- looking after --------------------------------------------------------------------------- */

static bool is_hot(const struct watch_set *s, uint64_t hits, uint64_t elapsed_ns)
{
	return hits * watch_prog_trap_ns(s->prog) > elapsed_ns / 100 * WATCH_HOT_PERCENT;
}

/* The end of a window. */
static void judge(struct watch_set *s, struct armed *w, uint64_t hits, uint64_t now)
{
	if (is_hot(s, hits - w->hits_then, now - w->since_ns))
		w->over = "hot";
	w->must_count = hits > w->hits_then;
	w->since_ns = now;
	w->hits_then = hits;
}

/* Has it begun to be told less than it fires, or ceased for a while? */
static void notice_rate(struct armed *w, uint64_t suppressed)
{
	bool was_calm = w->calm_ticks >= CALM_TICKS;

	w->calm_ticks = suppressed > w->suppressed_then ? 0 : w->calm_ticks + 1;
	w->suppressed_then = suppressed;
	w->must_tell |= was_calm && !w->calm_ticks;
}

static void follow_cpus(struct armed *w)
{
	struct ksnap_err err;

	if (breakpoint_follow(&w->bp, &err))
		log_warn("watch %" PRIu64 ": %s", w->id, err.text);
}

/* A CPU that has come runs unwatched: before anything else. */
static void take_cpu_news(struct watch_set *s)
{
	if (s->cpus < 0 || !cpu_news_read(s->cpus))
		return;
	log_debug("the kernel says that CPUs came or went");
	for (struct armed *w = s->first; w; w = w->next)
		follow_cpus(w);
}

static void look_after(struct watch_set *s, struct armed *w, uint64_t now)
{
	struct watch_counts c = count(w);

	follow_cpus(w);
	notice_rate(w, c.suppressed);
	if (!w->over && w->gone)
		w->over = w->gone(w->arg);
	if (!w->over && now - w->since_ns >= NS_PER_S)
		judge(s, w, c.hits, now);
}

static void tick(struct watch_set *s)
{
	uint64_t now = clock_mono_ns(), times;

	if (read(s->timer, &times, sizeof(times)) != sizeof(times))
		return;
	for (struct armed *w = s->first; w; w = w->next)
		look_after(s, w, now);
}

/* ---- telling --------------------------------------------------------------------------------- */

static bool is_full(const struct armed *w)
{
	return w->max_hits && w->told >= w->max_hits;
}

/* The next record to tell of a watch that is still there, also of one that is over for another
 * reason than its last hit: that came before its end. NULL: there is none. */
static const struct watch_record *next_record(struct watch_set *s, struct armed **ret)
{
	while (s->told_at < s->records.len) {
		const struct watch_record *r = (const void *)(s->records.data + s->told_at);

		s->told_at += sizeof(*r);
		*ret = find(s, r->id);
		if (*ret && !is_full(*ret))
			return r;
	}
	buf_clear(&s->records);
	s->told_at = 0;
	return NULL;
}

static int tell_hit(struct watch_set *s, struct armed *w, const struct watch_record *r,
		    struct watch_news *ret)
{
	struct watch_hit_place place = { .n = ++w->told,
					 .addr = w->bp.spec.addr,
					 .len = w->bp.spec.len,
					 .is_signed = w->is_signed };

	*ret = (struct watch_news){ .kind = WATCH_NEWS_HIT,
				    .id = w->id,
				    .n = w->told,
				    .mono_ns = r->mono_ns,
				    .counts = count_at(w, r) };
	place.suppressed = ret->counts.suppressed;
	place.unseen = ret->counts.unseen;
	buf_clear(&s->hit);
	watch_hit_encode(r, &place, s->code, &s->hit);
	if (is_full(w))
		w->over = "max_hits";
	if (!buf_ok(&s->hit)) {
		w->told--;
		w->dropped++;
		w->suppressed++;
		return 0;
	}
	ret->hit = (struct wire_slice){ (const char *)s->hit.data, s->hit.len };
	return 1;
}

static void tell_counts(struct armed *w, enum watch_news_kind kind, struct watch_news *ret)
{
	w->must_tell = w->must_count = false;
	*ret = (struct watch_news){
		.kind = kind, .id = w->id, .mono_ns = clock_mono_ns(), .counts = count(w)
	};
}

static void tell_disarmed(struct watch_set *s, struct armed *w, struct watch_news *ret)
{
	*ret = (struct watch_news){ .kind = WATCH_NEWS_DISARMED,
				    .id = w->id,
				    .mono_ns = clock_mono_ns(),
				    .reason = w->over };
	end_watch(s, w, &ret->counts);
}

static bool is_any_over(const struct watch_set *s)
{
	const struct armed *w = s->first;

	while (w && !w->over)
		w = w->next;
	return w;
}

static int tell_state(struct watch_set *s, struct watch_news *ret)
{
	struct armed *w = s->first;

	while (w && !w->over && !w->must_tell && !w->must_count)
		w = w->next;
	if (!w)
		return 0;
	if (w->must_tell)
		tell_counts(w, WATCH_NEWS_THROTTLED, ret);
	else if (w->over)
		tell_disarmed(s, w, ret);
	else
		tell_counts(w, WATCH_NEWS_COUNTED, ret);
	return 1;
}

int watch_set_next(struct watch_set *s, struct watch_news *ret)
{
	const struct watch_record *r;
	struct armed *w;

	r = next_record(s, &w);
	if (!r && !is_any_over(s)) { /* else records that come all the time would put its end off */
		take_cpu_news(s);
		read_all(s);
		tick(s);
		r = next_record(s, &w);
	}
	if (r && tell_hit(s, w, r, ret))
		return 1;
	return tell_state(s, ret);
}
