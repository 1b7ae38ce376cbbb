// SPDX-License-Identifier: MIT
/* bpf_place.c - find the map, then the variable or the key, then the field. */
#include "capture/live/bpf_place.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/live.h"
#include "capture/live/map_cell.h"
#include "capture/live/privilege.h"
#include "capture/map_key.h"
#include "report/listing.h"
#include "report/map_name.h"

#define NEAR_BYTES 4 /* that a near name begins with too */
#define TYPO_BYTES 2 /* that may differ within a name: two that changed places */

/* What a look-up walks over, and what it met. */
struct search {
	struct target *t;
	const struct symbol *s;
	struct ksnap_err *err;
	const struct map_ref *found;
	unsigned n;  /* maps found */
	bool is_map; /* it is the name of one */
	struct list found_names, near_names;
};

/* ---- maps ------------------------------------------------------------------------------------ */

static int list_all(struct target *t, struct ksnap_err *err)
{
	struct selection none = { 0 };
	int ret = map_list_read(&t->maps, &none, NULL, err);

	return ret ? ret : prog_list_read(&t->progs, false, err);
}

static bool is_own(const struct map_ref *ref)
{
	return !strncmp(ref->info.name, SELECTION_OWN, strlen(SELECTION_OWN));
}

static bool is_named(const struct search *q, const struct map_ref *ref)
{
	if (q->s->map_id)
		return ref->info.id == q->s->map_id;
	return map_is_called(ref->info.name, q->s->owner, strlen(q->s->owner));
}

static bool is_owned(const struct search *q, const struct map_ref *ref)
{
	if (q->s->kind == SYMBOL_NAME)
		return !is_own(ref);
	return is_named(q, ref) ||
	       (!q->s->map_id &&
		map_list_is_of(&q->t->maps, &q->t->progs, &q->t->objects, q->s->owner, ref));
}

/* The kernel lists a map for a moment after its end. */
static bool is_alive(const struct map_ref *ref)
{
	_close_ int fd = bpf_map_get_fd_by_id(ref->info.id);

	return fd >= 0 || errno != ENOENT;
}

/* ---- globals --------------------------------------------------------------------------------- */

static bool is_section(const struct map_ref *ref)
{
	return ref->info.type == BPF_MAP_TYPE_ARRAY && ref->info.max_entries == 1 &&
	       ref->info.btf_value_type_id && strchr(ref->info.name, '.');
}

/* "totla" is "total" but for what is between what they begin and end with. */
static bool is_typo(const char *name, const char *want)
{
	size_t n = strlen(name), w = strlen(want), most = n > w ? n : w, least = n + w - most;
	size_t front = 0, back = 0;

	while (front < least && name[front] == want[front])
		front++;
	while (back < least - front && name[n - 1 - back] == want[w - 1 - back])
		back++;
	return most > NEAR_BYTES && front + back + TYPO_BYTES >= most;
}

static bool is_near(const char *name, const char *want)
{
	size_t len = strlen(want);

	return strcasestr(name, want) || is_typo(name, want) ||
	       !strncasecmp(name, want, len < NEAR_BYTES ? len : NEAR_BYTES);
}

static void look_into(struct search *q, const struct map_ref *ref, const struct btf *btf)
{
	const struct btf_type *section = btf__type_by_id(btf, ref->info.btf_value_type_id);

	for (uint32_t i = 0; section && btf_is_datasec(section) && i < btf_vlen(section); i++) {
		const struct btf_type *var =
			btf__type_by_id(btf, btf_var_secinfos(section)[i].type);
		const char *name = var ? btf__name_by_offset(btf, var->name_off) : NULL;

		if (!name)
			continue;
		if (!strcmp(name, q->s->name) && is_alive(ref)) {
			q->found = ref;
			q->n++;
			list_add(&q->found_names, "id:%u:%s (%s)", ref->info.id, name,
				 ref->info.name);
		} else if (q->s->kind != SYMBOL_NAME || is_near(name, q->s->name)) {
			list_add(&q->near_names, "%s:%s", ref->info.name, name);
		}
	}
}

static int refuse_count(struct search *q, const char *what)
{
	const struct symbol *s = q->s;

	if (q->n > 1)
		return err_set(q->err, KSNAP_E_ARG,
			       "symbol '%s': %u %ss have the name; name one: %s", s->text, q->n,
			       what, list_text(&q->found_names));
	if (!q->near_names.n)
		return err_set(q->err, KSNAP_E_NOTFOUND, "symbol '%s': no %s has the name", s->text,
			       what);
	return err_set(q->err, KSNAP_E_NOTFOUND, "symbol '%s': no %s has the name; there are: %s",
		       s->text, what, list_text(&q->near_names));
}

/* Whole maps have no place of their own. */
static int refuse_map(struct search *q)
{
	const struct symbol *s = q->s;

	for (size_t i = 0; i < q->t->maps.n && !q->is_map; i++)
		q->is_map = map_is_called(q->t->maps.refs[i].info.name, s->name, strlen(s->name));
	if (!q->is_map)
		return 0;
	return err_set(q->err, KSNAP_E_NOTFOUND,
		       "symbol '%s': it is a map: name an element of it, %s[KEY]", s->text,
		       s->name);
}

/* Nothing is called as what stands before the colon. */
static int refuse_owner(const struct search *q)
{
	const struct symbol *s = q->s;
	struct list all = { 0 };

	for (size_t i = 0; i < q->t->maps.n; i++)
		if (is_section(&q->t->maps.refs[i]) && !is_own(&q->t->maps.refs[i]))
			list_add(&all, "%s", q->t->maps.refs[i].info.name);
	return err_set(q->err, KSNAP_E_NOTFOUND,
		       "symbol '%s': no BPF object or section of globals is called %s; sections "
		       "there are: %s",
		       s->text, s->owner, list_text(&all));
}

static int find_section(struct search *q)
{
	bool owned = q->s->kind == SYMBOL_NAME || q->s->map_id;
	int ret = 0;

	for (size_t i = 0; i < q->t->maps.n; i++) {
		const struct map_ref *ref = &q->t->maps.refs[i];
		const struct btf *btf;

		if (!is_section(ref) || !is_owned(q, ref))
			continue;
		owned = true;
		btf = btf_types_load(q->t->types, ref->info.btf_id, NULL);
		if (btf)
			look_into(q, ref, btf);
	}
	if (q->n == 1)
		return 0;
	if (!q->n && q->s->kind == SYMBOL_NAME)
		ret = refuse_map(q);
	return ret ? ret : owned ? refuse_count(q, "BPF global") : refuse_owner(q);
}

/* ---- elements -------------------------------------------------------------------------------- */

static int find_map(struct search *q)
{
	for (size_t i = 0; i < q->t->maps.n; i++) {
		const struct map_ref *ref = &q->t->maps.refs[i];

		if (is_named(q, ref) && is_alive(ref)) {
			q->found = ref;
			q->n++;
			list_add(&q->found_names, "id:%u[...]", ref->info.id);
		} else if (is_near(ref->info.name, q->s->owner)) {
			list_add(&q->near_names, "%s", ref->info.name);
		}
	}
	return q->n == 1 ? 0 : refuse_count(q, "map");
}

static int take_key(const struct search *q, const struct btf *btf, struct bpf_place *p)
{
	const struct map_key_of of = { q->found->info.name, btf, q->found->info.btf_key_type_id,
				       p->key_size };

	return map_key_encode(q->s, &of, p->key, q->err);
}

/* [cpu=N], of a per-CPU map and of no other. */
static int take_cpu(const struct search *q, struct path *at, struct bpf_place *p)
{
	struct path next = *at;
	struct path_step step;
	bool is_percpu;
	int ret = path_next(&next, &step, q->err);

	if (ret)
		return ret;
	if (!map_cell_has(p->map_type, &is_percpu))
		return err_set(q->err, KSNAP_E_UNSUPPORTED,
			       "symbol '%s': values of a map of type %u cannot be reached one by "
			       "one: capture it",
			       q->s->text, p->map_type);
	if (is_percpu != (step.kind == PATH_CPU))
		return err_set(q->err, KSNAP_E_ARG, "symbol '%s': map %s has %s", q->s->text,
			       q->found->info.name,
			       is_percpu ? "a value a CPU: say which, [cpu=N] behind the key"
					 : "one value for all CPUs: leave out [cpu=N]");
	if (!is_percpu)
		return 0;
	if (step.number >= q->t->ncpu)
		return err_set(q->err, KSNAP_E_ARG, "symbol '%s': CPUs are 0 to %u", q->s->text,
			       q->t->ncpu - 1);
	p->cpu = step.number;
	*at = next;
	return 0;
}

/* ---- the place ------------------------------------------------------------------------------- */

static const struct btf *types_of(const struct search *q, struct ksnap_err *err)
{
	const struct bpf_map_info *info = &q->found->info;
	uint32_t id = info->btf_vmlinux_value_type_id ? BTF_OF_KERNEL : info->btf_id;

	return id ? btf_types_load(q->t->types, id, err) : NULL;
}

static int find_spot(const struct search *q, const struct btf *btf, struct path *at,
		     struct bpf_place *p)
{
	uint32_t type = q->found->info.btf_value_type_id;
	uint64_t end;

	if (btf && type) {
		p->btf_id = q->found->info.btf_id;
		if (btf_path_find(btf, type, at, false, &p->spot, q->err))
			return q->err->code;
	} else if (at->text[at->at]) {
		return err_set(q->err, KSNAP_E_ARG,
			       "symbol '%s': map %s has no BTF, so its values have no fields",
			       q->s->text, q->found->info.name);
	} else {
		p->spot.size = p->value_size;
	}
	if (__builtin_add_overflow(p->spot.offset, p->spot.size, &end) || end > p->value_size)
		return err_set(q->err, KSNAP_E_TARGET,
			       "symbol '%s': its type says that it is beyond the value's %u bytes",
			       q->s->text, p->value_size);
	return 0;
}

static void start_place(const struct search *q, struct bpf_place *p)
{
	const struct bpf_map_info *info = &q->found->info;

	*p = (struct bpf_place){ .map_id = info->id,
				 .map_type = info->type,
				 .map_flags = info->map_flags,
				 .key_size = info->key_size,
				 .value_size = info->value_size };
	snprintf(p->name, sizeof(p->name), "%.100s (map %u)", q->s->text, info->id);
}

static int place_global(struct search *q, struct bpf_place *p)
{
	char text[2 * SYMBOL_MAX];
	const struct btf *btf;
	struct path at;
	int ret = find_section(q);

	if (ret)
		return ret;
	start_place(q, p);
	btf = types_of(q, q->err);
	if (!btf)
		return q->err->code;
	snprintf(text, sizeof(text), "%s%s%s", q->s->name,
		 *q->s->path && *q->s->path != '[' ? "." : "", q->s->path);
	path_init(&at, text);
	return find_spot(q, btf, &at, p);
}

static int place_element(struct search *q, struct bpf_place *p)
{
	const struct btf *btf;
	struct path at;
	int ret = find_map(q);

	if (ret)
		return ret;
	start_place(q, p);
	btf = types_of(q, NULL);
	path_init(&at, q->s->path);
	ret = take_cpu(q, &at, p);
	if (!ret)
		ret = take_key(q, btf, p);
	return ret ? ret : find_spot(q, btf, &at, p);
}

/* Negative with *@ret_named: something has the name, only not what is behind it. */
static int place_it(struct target *t, const struct symbol *s, struct bpf_place *ret,
		    bool *ret_named, struct ksnap_err *err)
{
	struct search q = { .t = t, .s = s, .err = err };
	int code = s->kind == SYMBOL_ELEMENT ? place_element(&q, ret) : place_global(&q, ret);

	*ret_named = q.n;
	ret->miss = q.n                          ? BPF_MISS_MEMBER
		    : q.near_names.n || q.is_map ? BPF_MISS_NEAR
						 : BPF_MISS_ALL;
	return code;
}

/* "hist[3]" that is no element may be one of a global. */
static int place_either(struct target *t, const struct symbol *s, struct bpf_place *ret,
			struct ksnap_err *err)
{
	struct ksnap_err of_global = { 0 };
	struct symbol as_name;
	bool named;
	int code = place_it(t, s, ret, &named, err);

	if (!code || named || !symbol_as_name(s, &as_name))
		return code;
	code = place_it(t, &as_name, ret, &named, &of_global);
	if (code && !named)
		return err->code;
	return code ? err_set(err, code, "%s", of_global.text) : 0;
}

static bool is_width(uint64_t n)
{
	return n == 1 || n == 2 || n == 4 || n == 8;
}

int bpf_place_find(struct target *t, const struct symbol *s, struct bpf_place *ret,
		   struct ksnap_err *err)
{
	struct ksnap_err why = { 0 };
	int code;

	if (s->kind != SYMBOL_NAME && s->kind != SYMBOL_GLOBAL && s->kind != SYMBOL_ELEMENT)
		return err_set(err, KSNAP_E_ARG, "symbol '%s' names nothing in a BPF map", s->text);
	code = list_all(t, err);
	if (code)
		return code;
	code = place_either(t, s, ret, &why);
	if (code)
		return err_set(err, code, "%s", why.text);
	ret->len = !ret->spot.is_bitfield && is_width(ret->spot.size) ? ret->spot.size : 0;
	return 0;
}

int bpf_place_open(const struct bpf_place *p, struct ksnap_err *err)
{
	int fd = bpf_map_get_fd_by_id(p->map_id);

	if (fd < 0 && errno == ENOENT)
		return err_set(err, KSNAP_E_NOTFOUND, "%s: the map is gone", p->name);
	return fd < 0 ? privilege_or_target(err, errno, "open a BPF map") : fd;
}

static struct map_cell cell_of(const struct bpf_place *p, int fd, uint64_t off, uint32_t len)
{
	return (struct map_cell){ .map_fd = fd,
				  .map_type = p->map_type,
				  .key = p->key,
				  .key_size = p->key_size,
				  .cpu = p->cpu,
				  .offset = p->spot.offset + off,
				  .len = len };
}

static int check_end(const struct bpf_place *p, uint64_t off, uint32_t len, struct ksnap_err *err)
{
	uint64_t room = p->value_size - p->spot.offset;

	if (len && off <= room && len <= room - off)
		return 0;
	return err_set(err, KSNAP_E_ARG,
		       "%s: %u bytes from byte %llu on are more than the %llu "
		       "that the value has there",
		       p->name, len, (unsigned long long)off, (unsigned long long)room);
}

/* Say which place it is. */
static int named(const struct bpf_place *p, int code, const struct ksnap_err *why,
		 struct ksnap_err *err)
{
	return code ? err_set(err, code, "%s: %s", p->name, why->text) : 0;
}

int bpf_place_address(const struct bpf_place *p, int fd, uint64_t *ret, struct ksnap_err *err)
{
	struct map_cell c = cell_of(p, fd, 0, 1);
	struct ksnap_err why = { 0 };
	int code = map_cell_address(&c, ret, &why);

	if (!code)
		*ret += p->spot.offset;
	return named(p, code, &why, err);
}

int bpf_place_read(const struct bpf_place *p, uint64_t off, uint32_t len, void *to,
		   struct ksnap_err *err)
{
	int code = check_end(p, off, len, err);
	_close_ int fd = code ? -1 : bpf_place_open(p, err);
	struct map_cell c = cell_of(p, fd, off, len);
	struct ksnap_err why = { 0 };

	if (fd < 0)
		return code ? code : fd;
	return named(p, map_cell_read(&c, to, &why), &why, err);
}

/* Programs may not write it, so we may not either. */
static int check_writable(const struct bpf_place *p, struct ksnap_err *err)
{
	if (!(p->map_flags & BPF_F_RDONLY_PROG))
		return 0;
	return err_set(err, KSNAP_E_UNSUPPORTED,
		       "%s: the map is read-only, as .rodata is: nobody can write it", p->name);
}

int bpf_place_write(const struct bpf_place *p, uint64_t off, uint32_t len, const void *from,
		    struct ksnap_err *err)
{
	int code = check_end(p, off, len, err) ?: check_writable(p, err);
	_close_ int fd = code ? -1 : bpf_place_open(p, err);
	struct map_cell c = cell_of(p, fd, off, len);
	struct ksnap_err why = { 0 };

	if (fd < 0)
		return code ? code : fd;
	return named(p, map_cell_write(&c, from, &why), &why, err);
}

int bpf_place_or(const struct bpf_place *p, uint32_t len, uint64_t mask, struct ksnap_err *err)
{
	int code = check_end(p, 0, len, err) ?: check_writable(p, err);
	_close_ int fd = code ? -1 : bpf_place_open(p, err);
	struct map_cell c = cell_of(p, fd, 0, len);
	struct ksnap_err why = { 0 };

	if (fd < 0)
		return code ? code : fd;
	return named(p, map_cell_or(&c, mask, p->value_size, &why), &why, err);
}
