// SPDX-License-Identifier: MIT
/* chased.c - memory behind pointers: read from the report, found by address. */
#include "report/chased.h"

#include <stdlib.h>

#include "base/error.h"
#include "report/snapshot.h"
#include "report/value.h"

static int refuse(size_t i, const char *what, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_PROTO, "chased[%zu]: %s", i, what);
}

static bool is_uint(const msgpack_object *o)
{
	return o && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER;
}

static int read_one(const struct ksnap_snapshot *s, const msgpack_object *row, size_t i,
		    struct chased *ret, struct ksnap_err *err)
{
	const msgpack_object *addr = object_get(row, "addr"), *type = object_get(row, "type");
	const msgpack_object *data = object_get(row, "data"), *error = object_get(row, "error");

	if (!is_uint(addr))
		return refuse(i, "addr is not a uint", err);
	if (!is_uint(type) || type->via.u64 >= type_table_len(s->types))
		return refuse(i, "type is not an index into types", err);
	if (!data || data->type != MSGPACK_OBJECT_BIN)
		return refuse(i, "data is not a bin", err);
	if (error && error->type != MSGPACK_OBJECT_STR)
		return refuse(i, "error is not a str", err);
	*ret = (struct chased){ .addr = addr->via.u64,
				.type = type->via.u64,
				.data = (const uint8_t *)data->via.bin.ptr,
				.size = data->via.bin.size,
				.error = error };
	return 0;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct chased *)a)->addr, y = ((const struct chased *)b)->addr;

	return (x > y) - (x < y);
}

int chased_read(struct ksnap_snapshot *s, struct ksnap_err *err)
{
	const msgpack_object *list = object_get(&s->root, "chased");
	int rc = 0;

	if (!list)
		return 0;
	if (list->type != MSGPACK_OBJECT_ARRAY)
		return err_set(err, KSNAP_E_PROTO, "report: chased is not a list");
	s->chased = calloc(list->via.array.size + 1, sizeof(*s->chased));
	if (!s->chased)
		return err_nomem(err);
	for (uint32_t i = 0; !rc && i < list->via.array.size; i++)
		rc = read_one(s, &list->via.array.ptr[i], i, &s->chased[i], err);
	if (rc)
		return rc;
	s->nchased = list->via.array.size;
	qsort(s->chased, s->nchased, sizeof(*s->chased), by_address);
	return 0;
}

const struct chased *chased_find(const struct ksnap_snapshot *s, uint64_t addr)
{
	struct chased key = { .addr = addr };

	if (!s->nchased)
		return NULL;
	return bsearch(&key, s->chased, s->nchased, sizeof(key), by_address);
}

static int refuse_target(const struct ksnap_value *v, uint64_t addr, const struct chased *c,
			 struct ksnap_err *err)
{
	char what[128];

	value_describe(v, what, sizeof(what));
	if (!addr)
		return err_set(err, KSNAP_E_NOTFOUND, "this pointer (%s) is NULL", what);
	if (c)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "this is a pointer (%s) to 0x%llx, which could not be read: %.*s",
			       what, (unsigned long long)addr,
			       (int)(c->error->via.str.size < 200 ? c->error->via.str.size : 200),
			       c->error->via.str.ptr);
	return err_set(err, KSNAP_E_ARG,
		       "this is a pointer (%s); what it points to is not in the report: capture "
		       "with chase, the number of pointers to follow (--chase N)",
		       what);
}

int ksnap_value_deref(const struct ksnap_value *v, struct ksnap_value *ret, struct ksnap_err *err)
{
	const struct chased *c;
	char what[128];
	uint64_t addr;
	int rc;

	if (value_row(v)->kind != TYPE_PTR) {
		value_describe(v, what, sizeof(what));
		return err_set(err, KSNAP_E_ARG, "%s is not a pointer", what);
	}
	rc = ksnap_value_u64(v, &addr, err);
	if (rc)
		return rc;
	c = chased_find(v->snap, addr);
	if (!addr || !c || c->error)
		return refuse_target(v, addr, c, err);
	*ret = (struct ksnap_value){
		.snap = v->snap, .data = c->data, .size = c->size, .type = c->type
	};
	return 0;
}
