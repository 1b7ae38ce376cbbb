// SPDX-License-Identifier: MIT
/* spot.c - find the map, the variable, the task; then follow the path. */
#include "capture/outside/spot.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "capture/map_key.h"
#include "capture/outside/map_cell.h"
#include "capture/outside/tasks.h"
#include "capture/symbol.h"
#include "report/listing.h"
#include "report/map_name.h"

#define TICK_NS 10000000u /* of /proc/PID/stat */

struct search {
	struct kernel *k;
	struct seen *seen;
	const struct symbol *s;
	struct ksnap_err *err;
	const struct seen_map *found;
	unsigned n;
	struct list names;
};

/* ---- fields ---------------------------------------------------------------------------------- */

/* What @path names in a value of @type at @base. */
static int follow(struct kernel *k, const struct btf *btf, uint32_t type, const char *path,
		  bool hops, uint64_t base, struct spot *ret, struct ksnap_err *err)
{
	struct path p;
	int code;

	path_init(&p, path);
	code = btf_path_find(btf, type, &p, hops, &ret->btf, err);
	if (code)
		return code;
	for (unsigned i = 0; i < ret->btf.nhops; i++)
		if (!space_u64(&k->image.space, base + ret->btf.hops[i], &base))
			return err_set(err, KSNAP_E_TARGET,
				       "%s: a pointer on the way leads to memory that is not "
				       "mapped",
				       path);
	ret->addr = base + ret->btf.offset;
	return 0;
}

/* ---- maps ------------------------------------------------------------------------------------ */

static int refuse_count(struct search *q, const char *what)
{
	if (q->n > 1)
		return err_set(q->err, KSNAP_E_ARG,
			       "symbol '%s': %u %s have the name; name one: %s", q->s->text, q->n,
			       what, list_text(&q->names));
	return err_set(q->err, KSNAP_E_NOTFOUND, "symbol '%s': no %s has the name", q->s->text,
		       what);
}

static bool is_named(const struct search *q, const struct seen_map *m)
{
	if (q->s->map_id)
		return m->id == q->s->map_id;
	return map_is_called(m->name, q->s->owner, strlen(q->s->owner));
}

static bool is_owned(const struct search *q, const struct seen_map *m)
{
	if (q->s->kind == SYMBOL_NAME)
		return strncmp(m->name, SELECTION_OWN, strlen(SELECTION_OWN)) != 0;
	return is_named(q, m) ||
	       (!q->s->map_id && seen_belongs(q->seen, q->s->owner, m->id, m->name));
}

static bool has_variable(const struct search *q, const struct seen_map *m)
{
	const struct btf *btf = btf_types_load(q->k->types, m->btf_id, NULL);
	const struct btf_type *sec = btf ? btf__type_by_id(btf, m->value_type) : NULL;

	for (uint32_t i = 0; sec && btf_is_datasec(sec) && i < btf_vlen(sec); i++) {
		const struct btf_type *var = btf__type_by_id(btf, btf_var_secinfos(sec)[i].type);
		const char *name = var ? btf__name_by_offset(btf, var->name_off) : NULL;

		if (name && !strcmp(name, q->s->name))
			return true;
	}
	return false;
}

static void look_at_maps(struct search *q)
{
	bool element = q->s->kind == SYMBOL_ELEMENT;
	size_t n;
	const struct seen_map *m = seen_maps(q->seen, &n);

	for (size_t i = 0; i < n; i++) {
		if (element ? !is_named(q, &m[i])
			    : !m[i].value_type || m[i].type != BPF_MAP_TYPE_ARRAY ||
				      m[i].max_entries != 1 || !is_owned(q, &m[i]) ||
				      !has_variable(q, &m[i]))
			continue;
		q->found = &m[i];
		q->n++;
		list_add(&q->names, element ? "id:%u[...] (%s)" : "id:%u:... (%s)", m[i].id,
			 m[i].name);
	}
}

/* Field @path of the value at @base. */
static int take_value(const struct search *q, const char *path, uint64_t base, struct spot *ret)
{
	const struct seen_map *m = q->found;
	const struct btf *btf = m->btf_id ? btf_types_load(q->k->types, m->btf_id, NULL) : NULL;
	int code;

	if (btf && m->value_type) {
		code = follow(q->k, btf, m->value_type, path, false, base, ret, q->err);
		if (code)
			return code;
	} else if (*path) {
		return err_set(q->err, KSNAP_E_ARG,
			       "symbol '%s': map %s has no BTF, so its values have no fields",
			       q->s->text, m->name);
	} else {
		ret->addr = base;
		ret->btf = (struct btf_spot){ .size = m->value_size };
	}
	if (ret->btf.offset + ret->btf.size > m->value_size)
		return err_set(q->err, KSNAP_E_TARGET,
			       "symbol '%s': its type says that it is beyond the value's %u bytes",
			       q->s->text, m->value_size);
	ret->room = m->value_size - ret->btf.offset;
	return 0;
}

static int find_global(struct search *q, struct spot *ret)
{
	char path[2 * SYMBOL_MAX];
	uint64_t base;
	int code;

	look_at_maps(q);
	if (q->n != 1)
		return refuse_count(q, "BPF global");
	snprintf(path, sizeof(path), "%s%s%s", q->s->name,
		 *q->s->path && *q->s->path != '[' ? "." : "", q->s->path);
	code = map_cell_find(q->k, q->found, (const uint8_t[4]){ 0 }, 0, &base, q->err);
	return code ? code : take_value(q, path, base, ret);
}

/* [cpu=N], of a per-CPU map and of no other: its place among the possible CPUs. */
static int take_cpu(const struct search *q, const char **path, unsigned *ret)
{
	bool is_percpu = map_cell_is_percpu(q->found->type);
	struct path_step step;
	struct path p;
	int code;

	path_init(&p, *path);
	code = path_next(&p, &step, q->err);
	*ret = 0;
	if (code)
		return code;
	if (is_percpu != (step.kind == PATH_CPU))
		return err_set(q->err, KSNAP_E_ARG, "symbol '%s': map %s has %s", q->s->text,
			       q->found->name,
			       is_percpu ? "a value a CPU: say which, [cpu=N] behind the key"
					 : "one value for all CPUs: leave out [cpu=N]");
	if (!is_percpu)
		return 0;
	*path += p.at + (p.text[p.at] == '.');
	return kernel_cpu(q->k, step.number, ret, q->err);
}

static int find_element(struct search *q, struct spot *ret)
{
	uint8_t key[SYMBOL_MAX] = { 0 };
	const char *path = q->s->path;
	struct map_key_of of;
	uint64_t base;
	unsigned cpu;
	int code;

	look_at_maps(q);
	if (q->n != 1)
		return refuse_count(q, "map");
	of = (struct map_key_of){ q->found->name,
				  q->found->btf_id
					  ? btf_types_load(q->k->types, q->found->btf_id, NULL)
					  : NULL,
				  q->found->key_type, q->found->key_size };
	code = map_key_encode(q->s, &of, key, q->err);
	if (!code)
		code = take_cpu(q, &path, &cpu);
	if (!code)
		code = map_cell_find(q->k, q->found, key, cpu, &base, q->err);
	if (code)
		return code == KSNAP_E_NOTFOUND ? err_prefix(q->err, "%s", q->s->text) : code;
	return take_value(q, path, base, ret);
}

static int find_in_maps(struct kernel *k, struct seen *seen, const struct symbol *s,
			struct spot *ret, struct ksnap_err *err)
{
	struct search q = { .k = k, .seen = seen, .s = s, .err = err };

	return s->kind == SYMBOL_ELEMENT ? find_element(&q, ret) : find_global(&q, ret);
}

/* ---- the kernel's own ------------------------------------------------------------------------ */

static int find_kernel_symbol(struct kernel *k, const char *name, struct spot *ret,
			      struct ksnap_err *err)
{
	size_t n = symbols_find(&k->image.symbols, name, &ret->addr);

	ret->btf = (struct btf_spot){ 0 };
	if (n > 1)
		return err_set(err, KSNAP_E_ARG,
			       "%zu kernel symbols are called %s: name an address", n, name);
	return n ? 0
		 : err_set(err, KSNAP_E_NOTFOUND,
			   "neither a BPF global nor a kernel symbol is called %s", name);
}

static int find_per_cpu(struct kernel *k, const struct symbol *s, struct spot *ret,
			struct ksnap_err *err)
{
	int32_t var = btf__find_by_name_kind(k->btf, s->name, BTF_KIND_VAR);
	uint64_t base;
	unsigned cpu;
	int code = kernel_cpu(k, s->cpu, &cpu, err);

	if (code)
		return code;
	if (var <= 0 || !symbols_find(&k->image.symbols, s->name, &base))
		return err_set(err, KSNAP_E_NOTFOUND, "the kernel has no per-CPU variable %s",
			       s->name);
	return follow(k, k->btf, btf__type_by_id(k->btf, var)->type, s->path, true,
		      base + k->cpu_offset[cpu], ret, err);
}

static int find_in_task(struct kernel *k, const struct kernel_at *at, struct spot *ret,
			struct ksnap_err *err)
{
	int32_t type = btf__find_by_name_kind(k->btf, "task_struct", BTF_KIND_STRUCT);
	uint64_t task = task_find(k, at->task), start = 0;

	if (!task)
		return err_set(err, KSNAP_E_NOTFOUND, "there is no task %llu",
			       (unsigned long long)at->task);
	if (type <= 0 || !kernel_member(k, task, k->at.task_struct__start_boottime, &start))
		return err_set(err, KSNAP_E_TARGET, "the kernel does not tell when a task began");
	if (at->has_start_time && start / TICK_NS != at->start_time)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "task %llu began at %llu, not at %llu: its id was used again",
			       (unsigned long long)at->task, (unsigned long long)(start / TICK_NS),
			       (unsigned long long)at->start_time);
	return follow(k, k->btf, type, at->field, true, task, ret, err);
}

static int find_symbol(struct kernel *k, struct seen *seen, const char *text, struct spot *ret,
		       struct ksnap_err *err)
{
	struct symbol s, as_name;
	int code = symbol_parse(text, &s, err);

	if (code)
		return code;
	if (s.kind == SYMBOL_OBJECT)
		return err_set(err, KSNAP_E_ARG, "symbol '%s': an object is no memory", text);
	if (s.kind == SYMBOL_PER_CPU)
		return find_per_cpu(k, &s, ret, err);
	ret->addr = s.addr;
	if (s.kind == SYMBOL_ADDRESS)
		return 0;
	code = seen_read(seen, k, NULL, err);
	if (code)
		return code;
	code = find_in_maps(k, seen, &s, ret, err);
	if (code == KSNAP_E_NOTFOUND && symbol_as_name(&s, &as_name) &&
	    !find_in_maps(k, seen, &as_name, ret, NULL))
		return 0;
	return code == KSNAP_E_NOTFOUND && s.kind == SYMBOL_NAME
		       ? find_kernel_symbol(k, s.text, ret, err)
		       : code;
}

int spot_find(struct kernel *k, struct seen *seen, const struct kernel_at *at, struct spot *ret,
	      struct ksnap_err *err)
{
	struct ksnap_err why = { 0 };
	int code;

	*ret = (struct spot){ .name = at->symbol ?: at->field };
	space_forget(&k->image.space);
	code = at->symbol ? find_symbol(k, seen, at->symbol, ret, &why)
			  : find_in_task(k, at, ret, &why);
	return code ? err_set(err, code, "%s", why.text) : 0;
}
