// SPDX-License-Identifier: MIT
/* active.c - the maps in use by attached struct_ops programs: which of same-named ones is meant. */
#include <stdlib.h>

#include "base/error.h"
#include "report/listing.h"
#include "report/snapshot.h"

static void mark(struct ksnap_snapshot *s, uint32_t id)
{
	for (size_t i = 0; i < s->nmaps; i++)
		if (s->maps[i].id == id)
			s->maps[i].is_active = true;
}

static int read_ids(struct ksnap_snapshot *s, const msgpack_object *list, struct ksnap_err *err)
{
	s->active = calloc(list->via.array.size + 1, sizeof(*s->active));
	if (!s->active)
		return err_nomem(err);
	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *id = &list->via.array.ptr[i];

		if (id->type != MSGPACK_OBJECT_POSITIVE_INTEGER || id->via.u64 > UINT32_MAX)
			return err_set(err, KSNAP_E_PROTO, "active[%u] is not the id of a map", i);
		s->active[s->nactive++] = id->via.u64;
		mark(s, id->via.u64);
	}
	s->knows_active = true;
	return 0;
}

int active_read(struct ksnap_snapshot *s, struct ksnap_err *err)
{
	const msgpack_object *list = object_get(&s->root, "active");
	const msgpack_object *obj = object_get(&s->root, "active_obj");

	if (!list)
		return 0;
	if (list->type != MSGPACK_OBJECT_ARRAY)
		return err_set(err, KSNAP_E_PROTO, "report: active is not a list");
	if (obj && obj->type != MSGPACK_OBJECT_STR)
		return err_set(err, KSNAP_E_PROTO, "report: active_obj is not a str");
	if (obj && !(s->active_obj = snapshot_str(s, obj)))
		return err_nomem(err);
	return read_ids(s, list, err);
}

int active_check(const struct ksnap_snapshot *s, struct ksnap_err *err)
{
	struct list ids = { .n = 0 };

	if (!s->knows_active)
		return err_set(
			err, KSNAP_E_STATE,
			"snapshot '%s' does not say which maps are in use: its target has no "
			"struct_ops, or it was captured by an older worker",
			s->tag);
	if (!s->nactive)
		return err_set(
			err, KSNAP_E_STATE,
			"no struct_ops program was attached when snapshot '%s' was captured: "
			"capture after the attach and before the detach",
			s->tag);
	for (size_t i = 0; i < s->nmaps; i++)
		if (s->maps[i].is_active)
			return 0;
	for (size_t i = 0; i < s->nactive; i++)
		list_add(&ids, "id:%u", s->active[i]);
	return err_set(err, KSNAP_E_NOTFOUND,
		       "none of the maps in use is in snapshot '%s': capture them too, they are %s",
		       s->tag, list_text(&ids));
}

int ksnap_snapshot_active(const struct ksnap_snapshot *s, const uint32_t **ret, size_t *ret_n,
			  struct ksnap_err *err)
{
	int rc = snapshot_check_data(s, err);

	if (!rc && (!s->knows_active || !s->nactive))
		rc = active_check(s, err);
	if (rc)
		return rc;
	*ret = s->active;
	*ret_n = s->nactive;
	return 0;
}

const char *ksnap_snapshot_active_obj(const struct ksnap_snapshot *s)
{
	return s->active_obj;
}
