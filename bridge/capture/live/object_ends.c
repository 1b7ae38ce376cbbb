// SPDX-License-Identifier: MIT
/* object_ends.c - hold a struct_ops map, and see when nothing attaches it any more. */
#include "capture/live/object_ends.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "capture/live/link_list.h"
#include "capture/live/ops_list.h"
#include "capture/live/privilege.h"
#include "capture/live/sched.h"
#include "capture/live/watch_hit.h"

#define TICK_NS (NS_PER_S / 4)

struct object_end {
	struct object_end *next;
	uint64_t id;      /* of the watch */
	uint32_t map_id;  /* of the struct_ops map */
	uint32_t link_id; /* 0: attached without one */
	int map_fd;
	bool is_sched;          /* it is the scheduler that ran: */
	struct sched_now sched; /* this one */
	enum { WAITS, ENDED, TOLD, CAPTURED } state;
	uint64_t told_ns;
};

int object_ends_init(struct object_ends *e, struct ksnap_err *err)
{
	*e = (struct object_ends){ .timer = timerfd_create(CLOCK_MONOTONIC,
							   TFD_CLOEXEC | TFD_NONBLOCK),
				   .sched_dir = SCHED_DIR,
				   .sched_type = "bpf_struct_ops_sched_ext_ops" };
	return e->timer < 0 ? err_errno(err, KSNAP_E_INTERNAL, errno, "cannot wait for objects")
			    : 0;
}

static void set_timer(struct object_ends *e)
{
	struct itimerspec its = { 0 };

	if (e->first)
		its.it_interval.tv_nsec = its.it_value.tv_nsec = TICK_NS;
	timerfd_settime(e->timer, 0, &its, NULL);
}

static void free_end(struct object_end *o)
{
	if (o)
		cleanup_close(&o->map_fd);
	free(o);
}

void object_ends_fini(struct object_ends *e)
{
	while (e->first) {
		struct object_end *o = e->first;

		e->first = o->next;
		free_end(o);
	}
	cleanup_close(&e->timer);
	e->timer = -1;
	buf_fini(&e->hit);
}

/* ---- finding --------------------------------------------------------------------------------- */

struct search {
	const struct object *object; /* or NULL */
	const char *name;
	struct link_list links;
	struct sched_now sched; /* ops "": none runs */
	uint32_t sched_type;    /* id of the type of its map */
	char seen[200];         /* names of what is attached */
};

/* What tells the map of the scheduler that runs from others. */
static void look_for_sched(struct search *q, const struct object_ends *e)
{
	struct btf *btf;
	int id;

	if (!sched_read(e->sched_dir, &q->sched))
		return;
	btf = btf__load_vmlinux_btf();
	id = btf ? btf__find_by_name_kind(btf, e->sched_type, BTF_KIND_STRUCT) : 0;
	q->sched_type = id > 0 ? id : 0;
	btf__free(btf);
}

static bool is_sched(const struct search *q, const struct bpf_map_info *info)
{
	return q->sched_type && info->btf_vmlinux_value_type_id == q->sched_type;
}

/* Every value of a struct_ops map begins with a count and the state. */
static bool is_in_use(int map_fd, uint32_t value_size)
{
	_free_ uint8_t *value = calloc(1, value_size + 8);
	uint32_t zero = 0, state = OPS_INIT;

	if (value && !bpf_map_lookup_elem(map_fd, &zero, value))
		memcpy(&state, value + 4, sizeof(state));
	return state == OPS_INUSE;
}

static void note_name(struct search *q, const char *name)
{
	size_t len = strlen(q->seen);

	snprintf(q->seen + len, sizeof(q->seen) - len, "%s%s", len ? ", " : "", name);
}

static bool is_meant(const struct search *q, const struct bpf_map_info *info)
{
	if (q->object)
		return object_has_map(q->object, info->id);
	if (is_sched(q, info) && !strcmp(q->sched.ops, q->name))
		return true;
	return !strncmp(info->name, q->name, sizeof(info->name) - 1);
}

/* Is the map behind @fd the one? Then @o is filled, with a descriptor of its own. */
static bool take_map(struct search *q, int fd, struct object_end *o)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	const struct link_row *link;

	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_MAP_TYPE_STRUCT_OPS)
		return false;
	link = link_list_of_map(&q->links, info.id);
	if (!link && !is_in_use(fd, info.value_size))
		return false;
	note_name(q, info.name);
	if (is_sched(q, &info))
		note_name(q, q->sched.ops);
	if (!is_meant(q, &info))
		return false;
	o->map_id = info.id;
	o->link_id = link ? link->id : 0;
	o->is_sched = is_sched(q, &info);
	o->sched = q->sched;
	o->map_fd = dup(fd);
	return o->map_fd >= 0;
}

static int refuse(const struct search *q, struct ksnap_err *err)
{
	if (q->object)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "symbol: object %.60s has no struct_ops that is attached, whose end "
			       "the kernel would tell",
			       q->name);
	return err_set(err, KSNAP_E_NOTFOUND,
		       "symbol: no struct_ops called %.60s is attached; attached are: %s", q->name,
		       *q->seen ? q->seen : "none");
}

static int find(struct search *q, struct object_end *o, struct ksnap_err *err)
{
	uint32_t id = 0;
	int ret = link_list_read(&q->links, false, err);

	while (!ret && !bpf_map_get_next_id(id, &id)) {
		_close_ int fd = bpf_map_get_fd_by_id(id);

		if (fd >= 0 && take_map(q, fd, o))
			return 0;
	}
	if (ret)
		return ret;
	return errno == EPERM ? privilege_denied(err, "list BPF maps") : refuse(q, err);
}

int object_ends_arm(struct object_ends *e, const struct object_list *objects, uint64_t id,
		    const char *name, struct ksnap_err *err)
{
	struct search q = { .object = object_find(objects, name), .name = name };
	struct object_end *o;
	unsigned n = 0;
	int ret;

	if (!*name)
		return err_set(err, KSNAP_E_ARG, "symbol: no name stands behind object:");
	for (o = e->first; o; o = o->next)
		n++;
	if (n >= OBJECT_ENDS_MAX)
		return err_set(err, KSNAP_E_LIMIT,
			       "this worker waits for the end of %u objects, at most %d: unwatch "
			       "one",
			       n, OBJECT_ENDS_MAX);
	o = calloc(1, sizeof(*o));
	if (!o)
		return err_nomem(err);
	*o = (struct object_end){ .id = id, .map_fd = -1, .next = e->first };
	look_for_sched(&q, e);
	ret = find(&q, o, err);
	link_list_fini(&q.links);
	if (ret) {
		free_end(o);
		return ret;
	}
	e->first = o;
	set_timer(e);
	return 0;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool link_is_gone(const struct object_end *o)
{
	_close_ int fd = bpf_link_get_fd_by_id(o->link_id);
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);

	if (fd < 0)
		return errno == ENOENT;
	return !bpf_obj_get_info_by_fd(fd, &info, &len) && link_ops_map(&info) != o->map_id;
}

static bool has_ended(const struct object_ends *e, const struct object_end *o)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (o->is_sched && !sched_runs_still(e->sched_dir, &o->sched))
		return true;
	if (o->link_id)
		return link_is_gone(o);
	return !bpf_obj_get_info_by_fd(o->map_fd, &info, &len) &&
	       !is_in_use(o->map_fd, info.value_size);
}

void object_ends_look(struct object_ends *e)
{
	uint64_t now = clock_mono_ns();

	for (struct object_end *o = e->first; o; o = o->next) {
		if (o->state == WAITS && has_ended(e, o))
			o->state = ENDED;
		if (o->state == TOLD && now - o->told_ns > OBJECT_ENDS_HOLD * NS_PER_S)
			o->state = CAPTURED;
	}
}

static struct object_end *by_id(const struct object_ends *e, uint64_t id)
{
	struct object_end *o = e->first;

	while (o && o->id != id)
		o = o->next;
	return o;
}

static struct watch_counts counts_of(const struct object_end *o)
{
	uint64_t n = o->state >= TOLD;

	return (struct watch_counts){ .hits = n, .told = n };
}

bool object_ends_counts(const struct object_ends *e, uint64_t id, struct watch_counts *ret)
{
	const struct object_end *o = by_id(e, id);

	if (o)
		*ret = counts_of(o);
	return o != NULL;
}

static void remove_end(struct object_ends *e, struct object_end *o)
{
	struct object_end **link = &e->first;

	while (*link != o)
		link = &(*link)->next;
	*link = o->next;
	free_end(o);
	set_timer(e);
}

bool object_ends_disarm(struct object_ends *e, uint64_t id, struct watch_counts *ret)
{
	struct object_end *o = by_id(e, id);

	if (!o)
		return false;
	*ret = counts_of(o);
	remove_end(e, o);
	return true;
}

void object_ends_captured(struct object_ends *e, uint64_t id)
{
	struct object_end *o = by_id(e, id);

	if (o && o->state == TOLD)
		o->state = CAPTURED;
}

/* ---- telling --------------------------------------------------------------------------------- */

static int tell_end(struct object_ends *e, struct object_end *o, struct watch_news *ret)
{
	o->told_ns = clock_mono_ns();
	o->state = TOLD;
	buf_clear(&e->hit);
	watch_hit_encode_end(o->told_ns, &e->hit);
	*ret = (struct watch_news){ .kind = WATCH_NEWS_HIT,
				    .id = o->id,
				    .n = 1,
				    .mono_ns = o->told_ns,
				    .hit = { (const char *)e->hit.data, e->hit.len },
				    .counts = counts_of(o) };
	return buf_ok(&e->hit);
}

static int tell_gone(struct object_ends *e, struct object_end *o, struct watch_news *ret)
{
	*ret = (struct watch_news){ .kind = WATCH_NEWS_DISARMED,
				    .id = o->id,
				    .mono_ns = clock_mono_ns(),
				    .counts = counts_of(o),
				    .reason = "object_gone" };
	remove_end(e, o);
	return 1;
}

int object_ends_next(struct object_ends *e, struct watch_news *ret)
{
	uint64_t times;

	if (read(e->timer, &times, sizeof(times)) == sizeof(times))
		object_ends_look(e);
	for (struct object_end *o = e->first; o; o = o->next) {
		if (o->state == ENDED)
			return tell_end(e, o, ret);
		if (o->state == CAPTURED)
			return tell_gone(e, o, ret);
	}
	return 0;
}
