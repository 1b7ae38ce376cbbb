// SPDX-License-Identifier: MIT
/* watches.c - arm, catch, tell, and end by itself what costs too much. */
#include "capture/guest/watches.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "capture/guest/guards.h"
#include "capture/guest/guest.h"
#include "capture/guest/hit.h"
#include "capture/guest/traps.h"
#include "capture/live/watch_spot.h"
#include "capture/outside/spot.h"
#include "capture/outside/unwind.h"

#define TICK_NS    (NS_PER_S / 4)
#define CALM_TICKS 4 /* without a suppressed hit, before the next one is news again */
#define WIDEST     8 /* bytes that a watch has */
#define ANSWER_MS  2000
#define MISSES     3                /* looks in vain before what is watched is gone */
#define TURN_NS    (20 * NS_PER_MS) /* that hits may take before other work has its turn */

static uint64_t soon(void)
{
	return clock_mono_ns() + ANSWER_MS * NS_PER_MS;
}

static int poll_too(struct guest_watches *w, int fd, struct ksnap_err *err)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev))
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot wait for watches");
	return 0;
}

int guest_watches_init(struct guest_watches *w, int news, struct ksnap_err *err)
{
	int ret;

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->epoll < 0 || w->timer < 0)
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot wait for watches");
	ret = poll_too(w, w->timer, err);
	return ret ? ret : poll_too(w, news, err);
}

static bool is_any_armed(const struct guest_watches *w)
{
	for (unsigned i = 0; i < GUEST_WATCHES; i++)
		if (w->armed[i].id)
			return true;
	return false;
}

static struct guest_watch *find(struct guest_watches *w, uint64_t id)
{
	for (unsigned i = 0; i < GUEST_WATCHES; i++)
		if (w->armed[i].id == id)
			return &w->armed[i];
	return NULL;
}

/* The timer runs while there is something to look after. */
static void set_timer(struct guest_watches *w)
{
	struct itimerspec its = { 0 };

	if (w->held || is_any_armed(w))
		its.it_interval.tv_nsec = its.it_value.tv_nsec = TICK_NS;
	timerfd_settime(w->timer, 0, &its, NULL);
}

/* ---- holding --------------------------------------------------------------------------------- */

/* The hit has been dealt with. */
static void go_on(struct target *t)
{
	struct ksnap_err err = { 0 };

	t->watches.held = 0;
	if (stop_end(&t->stop, &t->qmp, STOP_HIT, &err))
		log_warn("guest: %s", err.text);
}

void guest_watches_captured(struct target *t, uint64_t id)
{
	if (id && t->watches.held == id)
		go_on(t);
}

/* ---- ending ---------------------------------------------------------------------------------- */

static struct watch_counts count(const struct guest_watch *w)
{
	return (struct watch_counts){ .hits = w->told + w->suppressed,
				      .told = w->told,
				      .suppressed = w->suppressed };
}

/* The guard's leave disarms all, and the guest goes on. */
static void hang_up(struct target *t)
{
	stray_fini(&t->stray);
	freeze_guard_release(&t->gdb.guard);
	gdb_close(&t->gdb);
}

void guest_watches_abandon(struct target *t, const char *why)
{
	hang_up(t);
	for (unsigned i = 0; i < GUEST_WATCHES; i++)
		if (t->watches.armed[i].id && !t->watches.armed[i].over)
			t->watches.armed[i].over = why;
	if (!t->watches.held)
		go_on(t);
}

/* A last hit that was not settled is counted. */
static void count_last(struct target *t, struct guest_watch *w)
{
	traps_stopped(t);
	if (!gdb_poll(&t->gdb) || guest_watches_at(&t->watches, &t->gdb.trap.at) != w)
		return;
	gdb_forget_trap(&t->gdb);
	traps_take(t, &t->gdb.trap.at, NULL);
}

/* Nothing is armed any more. */
static void leave(struct target *t)
{
	stray_fini(&t->stray);
	gdb_leave(&t->gdb);
}

/* Take it out of the stub; the last one closes the door. */
static void take_out(struct target *t, struct guest_watch *w)
{
	struct ksnap_err err = { 0 };
	int ret;

	if (t->gdb.fd < 0)
		return;
	ret = guest_need_qmp(t, &err);
	if (!ret)
		ret = stop_begin(&t->stop, &t->qmp, STOP_JOB, &err);
	if (!ret) {
		count_last(t, w);
		ret = gdb_unwatch(&t->gdb, w->addr, w->len, soon(), &err);
	}
	w->id = 0;
	if (!ret && is_any_armed(&t->watches))
		ret = stray_begin(t, &err);
	if (ret) {
		log_warn("guest: %s", err.text);
		guest_watches_abandon(t, "gdb_lost");
	}
	if (t->gdb.fd >= 0 && !is_any_armed(&t->watches))
		leave(t);
	if (stop_end(&t->stop, &t->qmp, STOP_JOB, &err))
		log_warn("guest: %s", err.text);
}

static void end_watch(struct target *t, struct guest_watch *w, struct watch_counts *ret)
{
	take_out(t, w);
	w->id = 0;
	*ret = count(w);
	set_timer(&t->watches);
}

void guest_watches_fini(struct target *t)
{
	struct guest_watches *w = &t->watches;
	struct watch_counts none;

	for (unsigned i = 0; i < GUEST_WATCHES; i++)
		if (w->armed[i].id)
			end_watch(t, &w->armed[i], &none);
	if (w->held)
		go_on(t);
	cleanup_close(&w->timer);
	cleanup_close(&w->epoll);
	buf_fini(&w->hit);
	*w = GUEST_WATCHES_INIT;
}

static int miss(uint64_t id, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_NOTFOUND, "no watch %" PRIu64 " is armed here", id);
}

int guest_watches_counts(struct target *t, uint64_t id, struct watch_counts *ret,
			 struct ksnap_err *err)
{
	struct guest_watch *w = id ? find(&t->watches, id) : NULL;

	if (!w)
		return miss(id, err);
	*ret = count(w);
	return 0;
}

int guest_watches_disarm(struct target *t, uint64_t id, struct watch_counts *ret,
			 struct ksnap_err *err)
{
	struct guest_watch *w = id ? find(&t->watches, id) : NULL;

	if (!w)
		return miss(id, err);
	end_watch(t, w, ret);
	guest_watches_captured(t, id);
	return 0;
}

/* ---- arming ---------------------------------------------------------------------------------- */

/* Where nothing tells the width: as many bytes as are aligned. */
static int pick_len(const struct spot *s, unsigned asked, struct guest_watch *ret,
		    struct ksnap_err *err)
{
	uint64_t aligned = s->addr | WIDEST, size = s->btf.size ?: aligned & -aligned;

	if (s->btf.is_bitfield && !asked)
		return err_set(err, KSNAP_E_ARG,
			       "symbol: %.100s is a bitfield; name a len to watch what it is in",
			       s->name);
	if (asked && s->btf.size && asked > s->btf.size)
		return err_set(err, KSNAP_E_ARG, "len: %.100s has %" PRIu64 " bytes, not %u",
			       s->name, s->btf.size, asked);
	ret->len = asked ?: size;
	ret->is_signed = s->btf.is_signed && !s->btf.is_bitfield && ret->len == s->btf.size;
	if (ret->len <= WIDEST && !(ret->len & (ret->len - 1)))
		return 0;
	return err_set(err, KSNAP_E_ARG,
		       "symbol: %.100s has %" PRIu64 " bytes, a watch has 1, 2, 4 or 8: name a "
		       "member of it, or a len",
		       s->name, size);
}

static int find_memory(struct target *t, const struct watch_request *rq, struct guest_watch *w,
		       struct ksnap_err *err)
{
	const struct kernel_at at = { .symbol = rq->symbol };
	struct spot s;
	int ret = guest_need_kernel(t, err);

	if (!ret)
		ret = physical_settle(&t->machine.mem,
				      spot_find(&t->machine.kernel, &t->machine.seen, &at, &s, err),
				      err);
	if (!ret && s.btf.nhops)
		ret = err_set(err, KSNAP_E_UNSUPPORTED,
			      "symbol: %.100s follows a pointer; watch the address it leads to",
			      rq->symbol);
	if (!ret)
		ret = pick_len(&s, rq->len, w, err);
	if (!ret)
		ret = watch_spot_check(s.addr, w->len, t->machine.kernel.image.space.pg.levels,
				       rq->symbol, err);
	if (ret)
		return ret;
	w->addr = s.addr;
	w->boot = t->boots;
	w->gone = !s.room ? NULL : strchr(rq->symbol, '[') ? "element_gone" : "map_gone";
	snprintf(w->symbol, sizeof(w->symbol), "%s", rq->symbol);
	return 0;
}

static struct guest_watch made_of(const struct watch_request *rq)
{
	uint64_t interval = NS_PER_S / (rq->rate ?: 1);

	return (struct guest_watch){ .id = rq->id,
				     .interval_ns = interval,
				     .burst_ns = interval * (rq->burst ? rq->burst - 1 : 0),
				     .max_hits = rq->max_hits,
				     .since_ns = clock_mono_ns(),
				     .calm_ticks = CALM_TICKS };
}

static int need_stub(struct target *t, struct ksnap_err *err)
{
	int ret;

	if (t->gdb.fd >= 0)
		return 0;
	ret = gdb_open(&t->gdb, outside_option(&t->machine.opts, "gdb"), soon(), err);
	if (ret)
		return ret;
	ret = poll_too(&t->watches, t->gdb.fd, err);
	if (!ret)
		ret = guards_await(t, err);
	if (ret)
		hang_up(t);
	return ret;
}

/* Connecting stops the guest. A stub that another debugger has does not answer for long, so nothing
 * is stopped before it did. */
static int stop_by_stub(struct target *t, struct ksnap_err *err)
{
	bool runs = false, is_new = t->gdb.fd < 0;
	int ret = 0;

	if (t->gdb.is_lost)
		guest_watches_abandon(t, "gdb_lost");
	if (is_new)
		ret = stop_is_running(&t->stop, &t->qmp, &runs, err);
	if (!ret)
		ret = need_stub(t, err);
	if (ret)
		return ret;
	ret = runs ? stop_keep(&t->stop, &t->qmp, STOP_JOB, err)
		   : stop_begin(&t->stop, &t->qmp, STOP_JOB, err);
	if (is_new)
		stray_fini(&t->stray);
	if (!ret && is_new)
		ret = stray_begin(t, err);
	if (ret && !is_any_armed(&t->watches))
		hang_up(t);
	if (ret)
		stop_end(&t->stop, &t->qmp, STOP_JOB, NULL);
	return ret;
}

/* The guest stands still. */
static int arm_still(struct target *t, struct guest_watch *w, struct ksnap_err *err)
{
	int ret = 0;

	space_forget(&t->machine.kernel.image.space);
	if (!space_read(&t->machine.kernel.image.space, w->addr, &w->old, w->len))
		ret = err_set(err, KSNAP_E_ARG, "symbol: nothing is mapped at 0x%" PRIx64, w->addr);
	if (!ret)
		ret = gdb_watch(&t->gdb, w->addr, w->len, soon(), err);
	if (ret && !is_any_armed(&t->watches))
		leave(t);
	return ret;
}

static int arm(struct target *t, const struct watch_request *rq, struct guest_watch *slot,
	       struct watch_place *place, struct ksnap_err *err)
{
	struct guest_watch w = made_of(rq);
	int ret = guest_need_qmp(t, err), end;

	if (!ret)
		ret = find_memory(t, rq, &w, err);
	if (!ret)
		ret = stop_by_stub(t, err);
	if (ret)
		return ret;
	ret = arm_still(t, &w, err);
	if (!ret)
		*slot = w;
	*place = (struct watch_place){ w.addr, w.len, slot - t->watches.armed + 1,
				       stop_by_others(&t->stop) };
	end = stop_end(&t->stop, &t->qmp, STOP_JOB, ret ? NULL : err);
	if (!ret && end)
		end_watch(t, slot, &(struct watch_counts){ 0 });
	return ret ? ret : end;
}

int guest_watches_arm(struct target *t, const struct watch_request *rq, struct watch_place *ret,
		      struct ksnap_err *err)
{
	struct guest_watch *slot = find(&t->watches, 0);
	int code;

	if (!outside_option(&t->machine.opts, "gdb"))
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "a guest is watched through qemu's gdbstub: start qemu with -gdb, "
			       "and name it in the target, gdb=SOCKET or gdb=HOST:PORT");
	if (!slot)
		return err_set(err, KSNAP_E_LIMIT,
			       "this worker has %d watches, which is all it can have",
			       GUEST_WATCHES);
	code = arm(t, rq, slot, ret, err);
	if (code)
		return code;
	set_timer(&t->watches);
	return 0;
}

/* ---- catching -------------------------------------------------------------------------------- */

uint64_t guest_watches_value(struct target *t, const struct guest_watch *w)
{
	uint64_t v = 0;

	return space_read(&t->machine.kernel.image.space, w->addr, &v, w->len) ? v : w->old;
}

void guest_watches_look(struct target *t, uint64_t ret[GUEST_WATCHES])
{
	for (unsigned i = 0; i < GUEST_WATCHES; i++)
		ret[i] = t->watches.armed[i].id ? guest_watches_value(t, &t->watches.armed[i]) : 0;
}

struct guest_watch *guest_watches_at(struct guest_watches *all, const struct packet_stop *s)
{
	for (unsigned i = 0; s->is_watch && i < GUEST_WATCHES; i++)
		if (all->armed[i].id && s->addr - all->armed[i].addr < all->armed[i].len)
			return &all->armed[i];
	return NULL;
}

bool guest_watches_are_of_boot(struct target *t)
{
	bool same = guest_is_same(t);

	for (unsigned i = 0; i < GUEST_WATCHES; i++) {
		struct guest_watch *w = &t->watches.armed[i];

		if (w->id && !w->over && (!same || w->boot != t->boots))
			w->over = "rebooted";
	}
	return same;
}

static void note_still(struct guest_watches *all, const struct packet_stop *s, uint64_t since)
{
	struct guest_watch *w = guest_watches_at(all, s);

	if (w)
		w->still_ns += clock_mono_ns() - since;
}

static struct guest_watch *take_traps(struct target *t, struct gdb_trap *ret, uint64_t *ret_now)
{
	uint64_t end = clock_mono_ns() + TURN_NS;

	while (!t->watches.held && gdb_poll(&t->gdb) && (*ret_now = clock_mono_ns()) < end) {
		struct guest_watch *w;

		*ret = t->gdb.trap;
		gdb_forget_trap(&t->gdb);
		traps_pause(t);
		stop_caught(&t->stop);
		w = traps_settle(t, ret, *ret_now);
		if (w)
			return w;
		go_on(t);
		note_still(&t->watches, &ret->at, *ret_now);
	}
	if (t->gdb.is_lost)
		guest_watches_abandon(t, "gdb_lost");
	return NULL;
}

/* ---- looking after --------------------------------------------------------------------------- */

/* The end of a window. */
static void judge(const struct target *t, struct guest_watch *w, uint64_t now)
{
	uint64_t hits = w->told + w->suppressed;

	if (t->hot < GUEST_HOT_NEVER && w->still_ns > (now - w->since_ns) / 100 * t->hot)
		w->over = "hot";
	w->must_count = hits > w->hits_then;
	w->since_ns = now;
	w->hits_then = hits;
	w->still_ns = 0;
}

/* Has it begun to be told less than it fires, or ceased for a while? */
static void notice_rate(struct guest_watch *w)
{
	bool was_calm = w->calm_ticks >= CALM_TICKS;

	w->calm_ticks = w->suppressed > w->suppressed_then ? 0 : w->calm_ticks + 1;
	w->suppressed_then = w->suppressed;
	w->must_tell |= was_calm && !w->calm_ticks;
}

/* Is it where it was? The kernel may be changing its lists while they are walked: only what is
 * missed again and again is gone. */
static void look_for(struct target *t, struct guest_watch *w)
{
	const struct kernel_at at = { .symbol = w->symbol };
	struct kernel *k = &t->machine.kernel;
	struct spot s;
	int ret = spot_find(k, &t->machine.seen, &at, &s, NULL);

	w->misses = ret == KSNAP_E_NOTFOUND || (!ret && s.addr != w->addr) ? w->misses + 1 : 0;
	if (w->misses >= MISSES)
		w->over = w->gone;
}

/* Once a second. */
static void look_after(struct target *t, struct guest_watch *w, uint64_t now)
{
	if (w->gone)
		look_for(t, w);
	if (!w->over)
		judge(t, w, now);
}

/* A write whose trap qemu has dropped shows by its value only, and at the next look at the latest.
 */
static void find_dropped(struct target *t)
{
	struct ksnap_err err = { 0 };
	bool is_due;

	if (t->watches.held || t->stop.by || t->gdb.fd < 0 || t->qmp.fd < 0 || gdb_poll(&t->gdb))
		return;
	space_forget(&t->machine.kernel.image.space);
	is_due = stray_is_due(t);
	if (!is_due && !traps_changed(t))
		return;
	if (!stop_begin(&t->stop, &t->qmp, STOP_JOB, &err)) {
		traps_stopped(t);
		if (is_due && !gdb_poll(&t->gdb))
			stray_clean(t);
	}
	if (stop_end(&t->stop, &t->qmp, STOP_JOB, &err))
		log_warn("guest: %s", err.text);
}

static void tick(struct target *t)
{
	uint64_t now = clock_mono_ns(), times;

	if (read(t->watches.timer, &times, sizeof(times)) != sizeof(times))
		return;
	if (t->watches.held && now >= t->watches.held_until_ns)
		go_on(t);
	if (is_any_armed(&t->watches) && guest_watches_are_of_boot(t))
		find_dropped(t);
	for (unsigned i = 0; i < GUEST_WATCHES; i++) {
		struct guest_watch *w = &t->watches.armed[i];

		if (!w->id)
			continue;
		notice_rate(w);
		if (!w->over && now - w->since_ns >= NS_PER_S)
			look_after(t, w, now);
	}
	set_timer(&t->watches);
}

/* ---- telling --------------------------------------------------------------------------------- */

/* False: the guest did not stand still meanwhile, and whoever is looked at may be another one: when
 * others let it go on, they or a trap have stopped it again. */
static bool look(struct target *t, const struct gdb_trap *trap, struct hit *h)
{
	const struct packet_stop *s = &trap->at;
	struct ksnap_err err = { 0 };

	h->regs = trap->before;
	h->cpu = s->thread && s->thread <= t->machine.kernel.ncpu
			 ? t->machine.kernel.cpu_id[s->thread - 1]
			 : 0;
	if (s->thread && s->thread <= t->machine.kernel.ncpu)
		task_running(&t->machine.kernel, s->thread - 1, &h->who);
	if (!h->regs.has && gdb_registers(&t->gdb, s->thread, soon(), &h->regs, &err))
		log_warn("guest: no registers of a hit: %s", err.text);
	h->nframes = unwind(&t->machine.kernel, &h->regs, h->stack, HIT_FRAMES);
	return gdb_stands_since(&t->gdb, trap, soon());
}

static int keep_told(struct target *t, struct guest_watch *w, uint64_t now, struct watch_news *ret)
{
	struct guest_watches *all = &t->watches;

	*ret = (struct watch_news){ .kind = WATCH_NEWS_HIT,
				    .id = w->id,
				    .n = w->told,
				    .mono_ns = now,
				    .hit = { (const char *)all->hit.data, all->hit.len },
				    .counts = count(w) };
	all->held = w->id;
	all->held_until_ns = clock_mono_ns() + t->stop_ms * NS_PER_MS;
	w->still_ns += clock_mono_ns() - now;
	if (w->max_hits && w->told >= w->max_hits)
		w->over = "max_hits";
	return 1;
}

static int tell_hit(struct target *t, struct guest_watch *w, const struct gdb_trap *trap,
		    uint64_t now, struct watch_news *ret)
{
	struct hit h = { .addr = w->addr,
			 .len = w->len,
			 .is_signed = w->is_signed,
			 .old = w->old,
			 .new = guest_watches_value(t, w) };
	struct buf *out = &t->watches.hit;
	bool is_sure;

	h.n = ++w->told;
	h.mono_ns = now;
	h.suppressed = w->suppressed;
	is_sure = look(t, trap, &h);
	w->old = h.new;
	buf_clear(out);
	hit_encode(&h, &t->machine.kernel, out);
	if (is_sure && buf_ok(out))
		return keep_told(t, w, now, ret);
	w->told--;
	w->suppressed++;
	go_on(t);
	return 0;
}

static void tell_counts(struct guest_watch *w, enum watch_news_kind kind, struct watch_news *ret)
{
	w->must_tell = w->must_count = false;
	*ret = (struct watch_news){
		.kind = kind, .id = w->id, .mono_ns = clock_mono_ns(), .counts = count(w)
	};
}

static void tell_disarmed(struct target *t, struct guest_watch *w, struct watch_news *ret)
{
	*ret = (struct watch_news){ .kind = WATCH_NEWS_DISARMED,
				    .id = w->id,
				    .mono_ns = clock_mono_ns(),
				    .reason = w->over };
	end_watch(t, w, &ret->counts);
}

static int tell_state(struct target *t, struct watch_news *ret)
{
	for (unsigned i = 0; i < GUEST_WATCHES; i++) {
		struct guest_watch *w = &t->watches.armed[i];

		if (!w->id || (!w->over && !w->must_tell && !w->must_count))
			continue;
		if (w->must_tell)
			tell_counts(w, WATCH_NEWS_THROTTLED, ret);
		else if (w->over)
			tell_disarmed(t, w, ret);
		else
			tell_counts(w, WATCH_NEWS_COUNTED, ret);
		return 1;
	}
	return 0;
}

int guest_watches_next(struct target *t, struct watch_news *ret)
{
	struct guest_watch *w;
	struct gdb_trap trap;
	uint64_t now;

	guards_look(t);
	tick(t);
	traps_pause(t);
	w = take_traps(t, &trap, &now);
	if (w && tell_hit(t, w, &trap, now, ret))
		return 1;
	return tell_state(t, ret);
}
