// SPDX-License-Identifier: MIT
/* object.c - load BPF objects, attach what can attach itself, keep the links. */
#include "capture/live/object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/freeze_guard.h"
#include "capture/live/load_log.h"
#include "capture/live/privilege.h"
#include "wire/pack.h"

struct object {
	struct object *next;
	char *name;
	struct bpf_object *bpf;
	struct bpf_link **links;
	size_t nlinks;
	struct freeze_guard *guards; /* of those that do not end with us */
	size_t nguards;
	uint32_t *map_ids, *prog_ids;
	const char **map_names, **prog_names; /* of the ids, as in the source */
	size_t nmaps, nprogs;
};

static void let_go(struct object *o)
{
	for (size_t i = 0; i < o->nlinks; i++)
		bpf_link__destroy(o->links[i]);
	o->nlinks = 0;
}

static void destroy(struct object *o)
{
	if (!o)
		return;
	let_go(o);
	while (o->nguards)
		freeze_guard_stop(&o->guards[--o->nguards]);
	bpf_object__close(o->bpf);
	free(o->links);
	free(o->guards);
	free(o->map_names);
	free(o->prog_names);
	free(o->map_ids);
	free(o->prog_ids);
	free(o->name);
	free(o);
}

static void destroy_at(struct object **o)
{
	destroy(*o);
}

/* ---- loading --------------------------------------------------------------------------------- */

/* libbpf has errors of its own above errno's; and a refused program comes as EACCES. */
static void describe_error(int errnum, char *buf, size_t cap)
{
	if (errnum == EACCES)
		snprintf(buf, cap, "the verifier refused it");
	else
		libbpf_strerror(errnum, buf, cap);
}

/* The failure of a libbpf call: what was tried, the reason, the end of the log. */
static int refuse(struct ksnap_err *err, int errnum, const char *what, const char *name)
{
	const char *log = load_log_tail();
	char reason[128];

	if (errnum == EPERM && privilege_is_lacking())
		return privilege_denied(err, what);
	describe_error(errnum, reason, sizeof(reason));
	return err_set(err, errnum == EPERM ? KSNAP_E_DENIED : KSNAP_E_TARGET,
		       "cannot %s %s: %s%s%s", what, name, reason, *log ? "\n" : "", log);
}

static int open_and_load(struct object *o, const void *elf, size_t len, struct ksnap_err *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = o->name);

	o->bpf = bpf_object__open_mem(elf, len, &opts);
	if (!o->bpf)
		return refuse(err, errno, "open BPF object", o->name);
	if (bpf_object__load(o->bpf))
		return refuse(err, errno, "load BPF object", o->name);
	return 0;
}

static int keep_link(struct object *o, struct bpf_link *link, const char *what, const char *name,
		     struct ksnap_err *err)
{
	/* Programs that name no place to attach to are for others to use. */
	if (!link && errno == EOPNOTSUPP)
		return 0;
	if (!link)
		return refuse(err, errno, what, name);
	o->links[o->nlinks++] = link;
	return 0;
}

static size_t count_programs(const struct bpf_object *bpf)
{
	struct bpf_program *p;
	size_t n = 0;

	bpf_object__for_each_program(p, bpf) n++;
	return n;
}

static size_t count_maps(const struct bpf_object *bpf)
{
	struct bpf_map *m;
	size_t n = 0;

	bpf_object__for_each_map(m, bpf) n++;
	return n;
}

static int attach_all(struct object *o, struct ksnap_err *err)
{
	struct bpf_program *p;
	struct bpf_map *m;
	int ret = 0;

	bpf_object__for_each_program(p, o->bpf)
	{
		if (!ret && bpf_program__autoattach(p))
			ret = keep_link(o, bpf_program__attach(p), "attach program",
					bpf_program__name(p), err);
	}
	bpf_object__for_each_map(m, o->bpf)
	{
		if (!ret && bpf_map__type(m) == BPF_MAP_TYPE_STRUCT_OPS)
			ret = keep_link(o, bpf_map__attach_struct_ops(m), "attach struct_ops map",
					bpf_map__name(m), err);
	}
	return ret;
}

/* ---- ids ------------------------------------------------------------------------------------- */

static uint32_t id_of_map(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static uint32_t id_of_prog(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static void add_id(uint32_t *ids, const char **names, size_t *n, uint32_t id, const char *name)
{
	if (!id)
		return;
	ids[*n] = id;
	names[(*n)++] = name;
}

static void collect_ids(struct object *o)
{
	struct bpf_program *p;
	struct bpf_map *m;

	bpf_object__for_each_map(m, o->bpf) add_id(o->map_ids, o->map_names, &o->nmaps,
						   id_of_map(bpf_map__fd(m)), bpf_map__name(m));
	bpf_object__for_each_program(p, o->bpf)
		add_id(o->prog_ids, o->prog_names, &o->nprogs, id_of_prog(bpf_program__fd(p)),
		       bpf_program__name(p));
}

static void pack_ids(msgpack_packer *pk, const char *key, const uint32_t *ids, size_t n)
{
	pack_str(pk, key);
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		msgpack_pack_uint32(pk, ids[i]);
}

static void pack_names(msgpack_packer *pk, const char *key, const char *const *names, size_t n)
{
	pack_str(pk, key);
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		pack_str(pk, names[i]);
}

static int write_reply(const struct object *o, struct buf *reply, struct ksnap_err *err)
{
	msgpack_packer pk;

	pack_init(&pk, reply);
	msgpack_pack_map(&pk, 4);
	pack_ids(&pk, "maps", o->map_ids, o->nmaps);
	pack_ids(&pk, "progs", o->prog_ids, o->nprogs);
	pack_names(&pk, "map_names", o->map_names, o->nmaps);
	pack_names(&pk, "prog_names", o->prog_names, o->nprogs);
	return buf_ok(reply) ? 0 : err_nomem(err);
}

/* ---- the list -------------------------------------------------------------------------------- */

static int check_new(const struct object_list *l, const char *name, struct ksnap_err *err)
{
	if (object_find(l, name))
		return err_set(err, KSNAP_E_STATE,
			       "a BPF object is attached as '%s' already: detach_object it, or use "
			       "another name",
			       name);
	if (l->n >= OBJECTS_MAX)
		return err_set(err, KSNAP_E_LIMIT,
			       "%zu BPF objects are attached, at most %d: detach one", l->n,
			       OBJECTS_MAX);
	return 0;
}

static int allocate_lists(struct object *o, struct ksnap_err *err)
{
	size_t nprogs = count_programs(o->bpf), nmaps = count_maps(o->bpf);

	o->links = calloc(nprogs + nmaps + 1, sizeof(*o->links));
	o->guards = calloc(nmaps + 1, sizeof(*o->guards));
	o->map_ids = calloc(nmaps + 1, sizeof(*o->map_ids));
	o->prog_ids = calloc(nprogs + 1, sizeof(*o->prog_ids));
	o->map_names = calloc(nmaps + 1, sizeof(*o->map_names));
	o->prog_names = calloc(nprogs + 1, sizeof(*o->prog_names));
	return o->links && o->guards && o->map_ids && o->prog_ids && o->map_names && o->prog_names
		       ? 0
		       : err_nomem(err);
}

/* Before anything is attached, and until all is let go: there is no moment without. */
static int guard_all(struct object *o, struct ksnap_err *err)
{
	struct bpf_map *m;
	int ret = 0;

	bpf_object__for_each_map(m, o->bpf)
	{
		if (ret || bpf_map__type(m) != BPF_MAP_TYPE_STRUCT_OPS)
			continue;
		ret = freeze_guard_start_ops(bpf_map__fd(m), &o->guards[o->nguards], err);
		if (ret)
			err_prefix(err, "%s", bpf_map__name(m));
		else
			o->nguards++;
	}
	return ret;
}

/* Loaded, and not attached yet. NULL on failure. */
static struct object *load(const char *name, const void *elf, size_t len, struct ksnap_err *err)
{
	struct object *o = calloc(1, sizeof(*o));
	int ret;

	if (o)
		o->name = strdup(name);
	ret = o && o->name ? 0 : err_nomem(err);
	load_log_begin();
	if (!ret)
		ret = open_and_load(o, elf, len, err);
	load_log_end();
	if (!ret)
		ret = allocate_lists(o, err);
	if (!ret)
		ret = guard_all(o, err);
	if (!ret) {
		collect_ids(o);
		return o;
	}
	destroy(o);
	return NULL;
}

/* All of it, or nothing. */
static int attach(struct object *o, struct ksnap_err *err)
{
	int ret;

	load_log_begin();
	ret = attach_all(o, err);
	load_log_end();
	if (ret)
		let_go(o);
	return ret;
}

int object_attach(struct object_list *l, const char *name, const void *elf, size_t len,
		  struct buf *reply, struct ksnap_err *err)
{
	__attribute__((cleanup(destroy_at))) struct object *o = NULL;
	int ret = check_new(l, name, err);
	struct ksnap_err local = { 0 };

	if (ret)
		return ret;
	o = load(name, elf, len, &local);
	if (!o || attach(o, &local))
		return err_set(err, local.code, "%s", local.text);
	ret = write_reply(o, reply, err);
	if (ret)
		return ret;
	o->next = l->first;
	l->first = take_ptr(o);
	l->n++;
	return 0;
}

static struct object **find_at(struct object_list *l, const char *name)
{
	struct object **at = &l->first;

	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	return at;
}

static int refuse_unknown(const struct object_list *l, const char *name, struct ksnap_err *err)
{
	_buf_ struct buf names = BUF_INIT;

	for (const struct object *o = l->first; o; o = o->next)
		buf_printf(&names, "%s%s", names.len ? ", " : "", o->name);
	return err_set(err, KSNAP_E_NOTFOUND, "no BPF object is attached as '%s'; there are: %.*s",
		       name, names.len ? (int)names.len : 4,
		       names.len ? (char *)names.data : "none");
}

int object_detach(struct object_list *l, const char *name, struct ksnap_err *err)
{
	struct object **at = find_at(l, name), *o = *at;

	if (!o)
		return refuse_unknown(l, name, err);
	*at = o->next;
	l->n--;
	destroy(o);
	return 0;
}

/* Both at once for a moment where the kernel lets them; else the old one goes first, and comes back
 * when the new one cannot take its place. */
static int change_over(struct object *old, struct object *new, struct ksnap_err *err)
{
	struct ksnap_err why = { 0 }, lost = { 0 };

	if (!attach(new, NULL))
		return 0;
	let_go(old);
	if (!attach(new, &why))
		return 0;
	if (!attach(old, &lost))
		return err_set(err, why.code, "%s\nthe object that was there is attached as before",
			       why.text);
	return err_set(err, why.code,
		       "%.300s\nand the one that was there is loaded, but could not be "
		       "attached again: %s",
		       why.text, lost.text);
}

int object_replace(struct object_list *l, const char *name, const void *elf, size_t len,
		   struct buf *reply, struct ksnap_err *err)
{
	__attribute__((cleanup(destroy_at))) struct object *gone = NULL;
	struct object **at = find_at(l, name), *old = *at, *new;
	struct ksnap_err why = { 0 };
	int ret;

	if (!old)
		return refuse_unknown(l, name, err);
	gone = new = load(name, elf, len, &why);
	if (!new)
		return err_set(err, why.code, "%s", why.text);
	ret = write_reply(new, reply, err);
	if (!ret)
		ret = change_over(old, new, err);
	if (ret)
		return ret;
	new->next = old->next;
	*at = new;
	gone = old;
	return 0;
}

void object_detach_all(struct object_list *l)
{
	while (l->first) {
		struct object *o = l->first;

		l->first = o->next;
		destroy(o);
	}
	l->n = 0;
}

const struct object *object_find(const struct object_list *l, const char *name)
{
	for (const struct object *o = l->first; o; o = o->next) {
		if (!strcmp(o->name, name))
			return o;
	}
	return NULL;
}

bool object_has_map(const struct object *o, uint32_t id)
{
	for (size_t i = 0; i < o->nmaps; i++) {
		if (o->map_ids[i] == id)
			return true;
	}
	return false;
}
