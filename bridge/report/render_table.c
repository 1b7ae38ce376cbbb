// SPDX-License-Identifier: MIT
/* render_table.c - a report for people: a summary, then each map as aligned columns. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "report/table.h"
#include "report/value.h"
#include "report/walk.h"

#define FLAT_MAX 24 /* members of one struct that become columns */

/* A column: the key or value itself, or a member of it. */
struct cut {
	const char *name; /* NULL: the whole */
	const struct type_member *member;
	uint64_t bit_off;
};

struct cuts {
	struct cut of[FLAT_MAX];
	unsigned n;
};

struct view {
	struct buf *out;
	struct walk walk;
	struct sink sink; /* text, into table.text */
	struct table table;
	unsigned max_rows; /* 0: all */
	bool failed;
};

/* ---- the summary --------------------------------------------------------------------------- */

/* Append a str of the report with nothing in it that a terminal obeys. */
static void put_words(struct view *v, const msgpack_object *o)
{
	struct sink k = { .out = v->out };

	if (o && o->type == MSGPACK_OBJECT_STR)
		sink_escaped(&k, o->via.str.ptr, o->via.str.size);
}

static uint64_t uint_of(const msgpack_object *o)
{
	return o && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? o->via.u64 : 0;
}

static void put_time(struct view *v, const msgpack_object *ts)
{
	time_t seconds = uint_of(ts) / 1000000000;
	char text[64];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		return;
	buf_printf(v->out, "%s.%03uZ", text, (unsigned)(uint_of(ts) / 1000000 % 1000));
}

static void put_reason(struct view *v, const msgpack_object *reason)
{
	const msgpack_object *subject = object_get(reason, "subject");

	buf_printf(v->out, "  ");
	put_words(v, object_get(reason, "code"));
	if (subject)
		buf_printf(v->out, " ");
	put_words(v, subject);
	buf_printf(v->out, ": ");
	put_words(v, object_get(reason, "text"));
	buf_printf(v->out, "\n");
}

static void put_summary(struct view *v, const struct ksnap_snapshot *s)
{
	const msgpack_object *target = object_get(&s->root, "target");
	const msgpack_object *reasons = object_get(&s->root, "reasons");
	uint64_t begin = uint_of(object_get(&s->root, "mono0"));
	uint64_t end = uint_of(object_get(&s->root, "mono1"));

	buf_printf(v->out, "snapshot ");
	put_words(v, object_get(&s->root, "tag"));
	buf_printf(v->out, "  target ");
	put_words(v, object_get(target, "name"));
	buf_printf(v->out, " on ");
	put_words(v, object_get(target, "host"));
	buf_printf(v->out, "  ");
	put_time(v, object_get(&s->root, "ts"));
	buf_printf(v->out, "  read in %" PRIu64 " us, ", end > begin ? (end - begin) / 1000 : 0);
	put_words(v, object_get(&s->root, "consistency"));
	buf_printf(v->out, "  %s\n",
		   s->placeholder   ? "placeholder, no data:"
		   : s->is_complete ? "complete"
				    : "not complete:");
	for (uint32_t i = 0;
	     reasons && reasons->type == MSGPACK_OBJECT_ARRAY && i < reasons->via.array.size; i++)
		put_reason(v, &reasons->via.array.ptr[i]);
}

/* ---- columns ------------------------------------------------------------------------------- */

static bool add_members(struct view *v, uint32_t type, uint64_t base, unsigned depth,
			struct cuts *cuts)
{
	const struct form *f = form_of(&v->walk.forms, type);

	if (f->class != FORM_RECORD || depth > 4)
		return false;
	for (uint32_t i = 0; i < f->nmembers; i++) {
		const struct type_member *m = &f->row->members[i];

		if (!f->members[i].label.name) {
			if (!add_members(v, m->type, base + m->bit_off, depth + 1, cuts))
				return false;
		} else if (cuts->n < FLAT_MAX) {
			cuts->of[cuts->n++] =
				(struct cut){ f->members[i].label.name, m, base + m->bit_off };
		} else {
			return false;
		}
	}
	return cuts->n > 0;
}

static void plan_columns(struct view *v, uint32_t type, struct cuts *cuts)
{
	cuts->n = 0;
	if (!add_members(v, type, 0, 0, cuts))
		*cuts = (struct cuts){ .n = 1 };
}

/* ---- cells --------------------------------------------------------------------------------- */

static void put_value(struct view *v, const struct ksnap_value *value)
{
	v->sink.needs_comma = v->sink.after_key = false;
	walk_value(&v->walk, value);
	table_end_cell(&v->table);
}

static void put_cuts(struct view *v, const struct ksnap_value *value, const struct cuts *cuts)
{
	struct ksnap_value part;

	for (unsigned i = 0; i < cuts->n; i++) {
		if (!cuts->of[i].name) {
			put_value(v, value);
			continue;
		}
		value_member(value, cuts->of[i].member, cuts->of[i].bit_off, &part);
		put_value(v, &part);
	}
}

static void put_name(struct view *v, const char *prefix, const char *name)
{
	struct sink k = { .out = &v->table.text };

	sink_put(&k, prefix, strlen(prefix));
	sink_escaped(&k, name, strlen(name));
	table_end_cell(&v->table);
}

static void put_headings(struct view *v, const struct ksnap_map *m, const struct cuts *keys,
			 const struct cuts *values)
{
	for (unsigned i = 0; m->has_keys && i < keys->n; i++)
		put_name(v, keys->of[i].name ? "key." : "key",
			 keys->of[i].name ? keys->of[i].name : "");
	if (m->ncpu)
		table_cell(&v->table, "cpu");
	for (unsigned i = 0; i < values->n; i++)
		put_name(v, "", values->of[i].name ? values->of[i].name : "value");
}

static void put_row(struct view *v, const struct ksnap_map *m, size_t i, unsigned cpu,
		    const struct cuts *keys, const struct cuts *values)
{
	struct ksnap_value value;
	char number[16];

	if (m->has_keys && !ksnap_map_key(m, i, &value, NULL))
		put_cuts(v, &value, keys);
	ksnap_map_value(m, i, &value, NULL);
	if (m->ncpu) {
		snprintf(number, sizeof(number), "%u", cpu);
		table_cell(&v->table, number);
		ksnap_value_cpu(&value, cpu, &value, NULL);
	}
	put_cuts(v, &value, values);
}

static void begin_table(struct view *v, unsigned ncols)
{
	v->table.ncols = ncols;
	buf_clear(&v->table.text);
	buf_clear(&v->table.ends);
}

static void end_table(struct view *v)
{
	if (table_print(&v->table, v->out))
		v->failed = true;
}

/* ---- maps ---------------------------------------------------------------------------------- */

static void put_count(struct view *v, const struct ksnap_map *m)
{
	const msgpack_object *ring = object_get(m->row, "ringbuf");
	const msgpack_object *max = object_get(m->row, "max_entries");

	if (ring)
		buf_printf(v->out, "  %" PRIu64 " of %" PRIu64 " bytes pending",
			   uint_of(object_get(ring, "pending")),
			   uint_of(object_get(ring, "capacity")));
	else if (!m->is_section && uint_of(max))
		buf_printf(v->out, "  %" PRIu64 " of %" PRIu64 " entries", m->count, uint_of(max));
	else if (!m->is_section) /* bounded by its owners only */
		buf_printf(v->out, "  %" PRIu64 " entries", m->count);
}

static void put_title(struct view *v, const struct ksnap_map *m)
{
	const msgpack_object *error = object_get(m->row, "error");
	struct sink k = { .out = v->out };

	buf_printf(v->out, "\nmap %u ", m->id);
	sink_escaped(&k, m->name, strlen(m->name));
	buf_printf(v->out, "  ");
	sink_escaped(&k, m->type, strlen(m->type));
	put_count(v, m);
	buf_printf(v->out, "%s", m->is_complete ? "" : "  not complete");
	if (error)
		buf_printf(v->out, ": ");
	put_words(v, error);
	buf_printf(v->out, "\n");
}

static void put_section(struct view *v, const struct ksnap_map *m)
{
	struct ksnap_value whole, var;
	const struct form *f = form_of(&v->walk.forms, m->vt);

	if (ksnap_map_value(m, 0, &whole, NULL))
		return;
	begin_table(v, 2);
	table_cell(&v->table, "variable");
	table_cell(&v->table, "value");
	for (uint32_t i = 0; f->class == FORM_RECORD && i < f->nmembers && v->walk.left; i++) {
		const struct type_member *member = &f->row->members[i];

		put_name(v, "", f->members[i].label.name ? f->members[i].label.name : "");
		value_member(&whole, member, member->bit_off, &var);
		put_value(v, &var);
	}
	if (f->class != FORM_RECORD) {
		table_cell(&v->table, "-");
		put_value(v, &whole);
	}
	end_table(v);
}

static void put_entries(struct view *v, const struct ksnap_map *m)
{
	uint64_t shown = v->max_rows && m->count > v->max_rows ? v->max_rows : m->count, i;
	struct cuts keys = { .n = 0 }, values = { .n = 0 };

	if (!m->count)
		return;
	if (m->has_keys)
		plan_columns(v, m->kt, &keys);
	plan_columns(v, m->vt, &values);
	if (keys.n + !!m->ncpu + values.n > TABLE_COLUMNS)
		values = (struct cuts){ .n = 1 };
	begin_table(v, keys.n + !!m->ncpu + values.n);
	put_headings(v, m, &keys, &values);
	for (i = 0; i < shown && v->walk.left; i++)
		for (unsigned cpu = 0; cpu < (m->ncpu ? m->ncpu : 1); cpu++)
			put_row(v, m, i, cpu, &keys, &values);
	end_table(v);
	if (i < m->count)
		buf_printf(v->out,
			   "  \xe2\x80\xa6 %" PRIu64 " more entries (use -o json for all)\n",
			   m->count - i);
}

/* The functions that a map's addresses are in. */
static void put_symbols(struct view *v, const struct ksnap_map *m)
{
	const msgpack_object *symbols = object_get(m->row, "symbols");

	if (!symbols || symbols->type != MSGPACK_OBJECT_ARRAY)
		return;
	for (uint32_t i = 0; i < symbols->via.array.size; i++) {
		const msgpack_object *s = &symbols->via.array.ptr[i];

		buf_printf(v->out, "  0x%" PRIx64 "  ", uint_of(object_get(s, "addr")));
		put_words(v, object_get(s, "name"));
		buf_printf(v->out, "+0x%" PRIx64 "\n", uint_of(object_get(s, "off")));
	}
}

/* ---- programs and what they hang on ---------------------------------------------------------- */

#define LIST_COLUMNS 7

static const struct list {
	const char *key, *what;
	const char *columns[LIST_COLUMNS + 1];
} lists[] = {
	{ "progs", "programs", { "id", "name", "type", "tag", "run_cnt", "run_time_ns" } },
	{ "links", "links", { "id", "type", "prog", "attach", "target", "target_id", "map" } },
	{ "struct_ops",
	  "struct_ops maps",
	  { "map", "name", "ops", "state", "attached", "refcnt", "link" } },
	{ "cpus", "CPUs", { "cpu", "nr_running", "nr_switches", "curr", "curr_comm", "sym" } },
	{ "tasks", "threads", { "pid", "tid", "comm", "cpu", "state", "on_rq", "runtime_ns" } },
	{ "nodes",
	  "NUMA nodes",
	  { "node", "numa_hit", "numa_miss", "numa_foreign", "interleave_hit", "local_node",
	    "other_node" } },
};
static const struct list queues = { "dsqs",
				    "queues of sched_ext",
				    { "name", "id", "nr", "seq", "complete" } };

static void put_cell(struct view *v, const msgpack_object *o)
{
	struct sink k = { .out = &v->table.text };

	if (!o)
		buf_printf(&v->table.text, "-");
	else if (o->type == MSGPACK_OBJECT_STR)
		sink_escaped(&k, o->via.str.ptr, o->via.str.size);
	else if (o->type == MSGPACK_OBJECT_BOOLEAN)
		buf_printf(&v->table.text, "%s", o->via.boolean ? "yes" : "no");
	else
		buf_printf(&v->table.text, "%" PRIu64, uint_of(o));
	table_end_cell(&v->table);
}

static void put_list(struct view *v, const struct list *l, const msgpack_object *rows)
{
	unsigned n = 0;

	if (!rows || rows->type != MSGPACK_OBJECT_ARRAY)
		return;
	buf_printf(v->out, "\n%u %s\n", rows->via.array.size, l->what);
	while (l->columns[n])
		n++;
	begin_table(v, n);
	for (unsigned i = 0; i < n && rows->via.array.size; i++)
		table_cell(&v->table, l->columns[i]);
	for (uint32_t r = 0; r < rows->via.array.size; r++) {
		for (unsigned i = 0; i < n; i++)
			put_cell(v, object_get(&rows->via.array.ptr[r], l->columns[i]));
	}
	end_table(v);
}

static void put_sched(struct view *v, const msgpack_object *sched)
{
	const msgpack_object *state = object_get(sched, "state"), *ops = object_get(sched, "ops");
	struct sink k = { .out = v->out };

	if (!state || state->type != MSGPACK_OBJECT_STR)
		return;
	buf_printf(v->out, "\nsched_ext is ");
	sink_escaped(&k, state->via.str.ptr, state->via.str.size);
	if (ops && ops->type == MSGPACK_OBJECT_STR) {
		buf_printf(v->out, ": ");
		sink_escaped(&k, ops->via.str.ptr, ops->via.str.size);
	}
	buf_printf(v->out, "\n");
	put_list(v, &queues, object_get(sched, queues.key));
}

static void put_lists(struct view *v, const struct ksnap_snapshot *s)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		put_list(v, &lists[i], object_get(&s->root, lists[i].key));
	put_sched(v, object_get(&s->root, "sched"));
}

/* Why it was captured, when a watch caused it. */
static void put_hit(struct view *v, const struct ksnap_snapshot *s)
{
	struct sink k = { .out = v->out };
	struct ksnap_frame f;
	struct ksnap_hit h;

	if (ksnap_snapshot_hit(s, &h, NULL))
		return;
	buf_printf(v->out, "hit %" PRIu64 "  0x%" PRIx64 "  %" PRIu64 " -> %" PRIu64 "  by ", h.n,
		   h.addr, h.old_value, h.new_value);
	sink_escaped(&k, h.comm, strlen(h.comm));
	buf_printf(v->out, " (pid %u) on CPU %u", h.pid, h.cpu);
	if (h.suppressed)
		buf_printf(v->out, "  %" PRIu64 " more were only counted", h.suppressed);
	if (h.unseen)
		buf_printf(v->out, ", %" PRIu64 " of them unseen", h.unseen);
	buf_printf(v->out, "\n");
	for (size_t i = 0; ksnap_snapshot_hit_frame(s, i, &f); i++) {
		buf_printf(v->out, "  0x%" PRIx64 "  ", f.addr);
		sink_escaped(&k, f.sym, strlen(f.sym));
		buf_printf(v->out, "\n");
	}
}

int render_report_table(const struct ksnap_snapshot *s, const struct render_opts *o,
			unsigned max_rows, struct buf *out)
{
	struct view v = { .out = out, .max_rows = max_rows };

	sink_text(&v.sink, o, &v.table.text);
	v.failed = walk_init(&v.walk, s, &v.sink, ksnap_blob_size(s->blob)) != 0;
	if (!v.failed) {
		put_summary(&v, s);
		put_hit(&v, s);
	}
	for (size_t i = 0; !v.failed && i < s->nmaps; i++) {
		put_title(&v, &s->maps[i]);
		if (s->maps[i].is_section)
			put_section(&v, &s->maps[i]);
		else
			put_entries(&v, &s->maps[i]);
		put_symbols(&v, &s->maps[i]);
	}
	if (!v.failed)
		put_lists(&v, s);
	if (s->nchased)
		buf_printf(out, "\n%zu objects behind pointers (use -o json for them)\n",
			   s->nchased);
	v.failed |= walk_fini(&v.walk) || !buf_ok(out);
	table_fini(&v.table);
	return v.failed ? KSNAP_E_NOMEM : 0;
}
