// SPDX-License-Identifier: MIT
/* type_codec.c - the type table as the report's key `types`, both ways.
 *
 * Decoding trusts nothing: words, numbers and indexes are checked, unknown keys are skipped. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/type_table.h"
#include "wire/pack.h"

#define NAME_MAX_BYTES 1024 /* twice what the kernel allows */

static const char *const kind_word[TYPE_KINDS] = {
	[TYPE_VOID] = "void",         [TYPE_INT] = "int",           [TYPE_FLOAT] = "float",
	[TYPE_ENUM] = "enum",         [TYPE_PTR] = "ptr",           [TYPE_ARRAY] = "array",
	[TYPE_STRUCT] = "struct",     [TYPE_UNION] = "union",       [TYPE_FWD] = "fwd",
	[TYPE_TYPEDEF] = "typedef",   [TYPE_CONST] = "const",       [TYPE_VOLATILE] = "volatile",
	[TYPE_RESTRICT] = "restrict", [TYPE_TYPE_TAG] = "type_tag", [TYPE_FUNC] = "func",
	[TYPE_VAR] = "var",           [TYPE_DATASEC] = "datasec",
};

static const char *const enc_word[] = {
	[TYPE_UNSIGNED] = "unsigned",
	[TYPE_SIGNED] = "signed",
	[TYPE_BOOL] = "bool",
	[TYPE_CHAR] = "char",
};

#define ENCODINGS (sizeof(enc_word) / sizeof(enc_word[0]))

/* ---- which keys a kind has ----------------------------------------------------------------- */

static bool has_size(enum type_kind k)
{
	return k == TYPE_INT || k == TYPE_FLOAT || k == TYPE_ENUM || k == TYPE_PTR ||
	       k == TYPE_ARRAY || k == TYPE_STRUCT || k == TYPE_UNION || k == TYPE_DATASEC;
}

static bool has_members(enum type_kind k)
{
	return k == TYPE_STRUCT || k == TYPE_UNION || k == TYPE_DATASEC;
}

static bool has_encoding(enum type_kind k)
{
	return k == TYPE_INT || k == TYPE_ENUM;
}

/* ---- encode -------------------------------------------------------------------------------- */

static void encode_members(const struct type_row *row, msgpack_packer *pk)
{
	pack_str(pk, "m");
	msgpack_pack_array(pk, row->nmembers);
	for (uint32_t i = 0; i < row->nmembers; i++) {
		const struct type_member *m = &row->members[i];

		msgpack_pack_map(pk, 2 + !!m->name + !!m->bit_size);
		if (m->name) {
			pack_str(pk, "n");
			pack_str(pk, m->name);
		}
		pack_str(pk, "t");
		msgpack_pack_uint32(pk, m->type);
		pack_str(pk, "o");
		msgpack_pack_uint64(pk, m->bit_off);
		if (m->bit_size) {
			pack_str(pk, "b");
			msgpack_pack_uint32(pk, m->bit_size);
		}
	}
}

static void encode_enumerators(const struct type_row *row, msgpack_packer *pk)
{
	pack_str(pk, "e");
	msgpack_pack_array(pk, row->nenumerators);
	for (uint32_t i = 0; i < row->nenumerators; i++) {
		msgpack_pack_map(pk, 2);
		pack_str(pk, "n");
		pack_str(pk, row->enumerators[i].name ? row->enumerators[i].name : "");
		pack_str(pk, "v");
		msgpack_pack_int64(pk, row->enumerators[i].value);
	}
}

/* Bytes of an array whose maker left its size out. */
static uint64_t array_size(const struct type_table *t, const struct type_row *array)
{
	uint64_t size;

	return __builtin_mul_overflow(array->len, type_size(t, array->target), &size) ? 0 : size;
}

static void encode_row(const struct type_table *t, const struct type_row *row, msgpack_packer *pk)
{
	bool size = has_size(row->kind), enc = has_encoding(row->kind);
	bool bits = row->kind == TYPE_INT && row->bits && row->bits != 8 * row->size;
	bool target = row->target < t->len, len = row->kind == TYPE_ARRAY;
	bool members = has_members(row->kind), names = row->kind == TYPE_ENUM;

	msgpack_pack_map(pk, 1 + !!row->name + size + enc + bits + target + !!row->to + len +
				     members + names);
	pack_str(pk, "k");
	pack_str(pk, kind_word[row->kind]);
	if (row->name) {
		pack_str(pk, "n");
		pack_str(pk, row->name);
	}
	if (size) {
		pack_str(pk, "s");
		msgpack_pack_uint64(pk, row->size || !len ? row->size : array_size(t, row));
	}
	if (enc) {
		pack_str(pk, "enc");
		pack_str(pk, enc_word[row->enc]);
	}
	if (bits) {
		pack_str(pk, "bits");
		msgpack_pack_uint32(pk, row->bits);
	}
	if (target) {
		pack_str(pk, "t");
		msgpack_pack_uint32(pk, row->target);
	}
	if (row->to) {
		pack_str(pk, "to");
		pack_str(pk, row->to);
	}
	if (len) {
		pack_str(pk, "len");
		msgpack_pack_uint64(pk, row->len);
	}
	if (members)
		encode_members(row, pk);
	if (names)
		encode_enumerators(row, pk);
}

static bool is_encoded(const struct type_table *t)
{
	const struct type_recipe *a = &t->recipe, *b = &t->encoded_recipe;

	return t->encoded.len && a->n <= RECIPE_MAX && a->n == b->n &&
	       !memcmp(a->serial, b->serial, a->n * sizeof(a->serial[0]));
}

/* Captures of the same maps have the same types: what was written for one is kept for the next. */
static int encode(struct type_table *t)
{
	msgpack_packer pk;

	buf_clear(&t->encoded);
	t->encoded_recipe.n = RECIPE_MAX + 1;
	pack_init(&pk, &t->encoded);
	msgpack_pack_array(&pk, t->len);
	for (size_t i = 0; i < t->len && buf_ok(&t->encoded); i++)
		encode_row(t, &t->rows[i], &pk);
	if (!buf_ok(&t->encoded))
		return KSNAP_E_NOMEM;
	t->encoded_recipe = t->recipe;
	return 0;
}

int type_table_encode(struct type_table *t, msgpack_packer *pk)
{
	if (!is_encoded(t) && encode(t))
		return KSNAP_E_NOMEM;
	return pk->callback(pk->data, (const char *)t->encoded.data, t->encoded.len);
}

/* ---- decode -------------------------------------------------------------------------------- */

struct decoder {
	struct type_table *t;
	size_t index; /* of the row being read, for messages */
	struct ksnap_err *err;
};

static int refuse(struct decoder *d, const char *what)
{
	return err_set(d->err, KSNAP_E_PROTO, "types[%zu]: %s", d->index, what);
}

static bool key_is(const msgpack_object_kv *kv, const char *name)
{
	size_t len = strlen(name);

	return kv->key.type == MSGPACK_OBJECT_STR && kv->key.via.str.size == len &&
	       !memcmp(kv->key.via.str.ptr, name, len);
}

static int read_str(struct decoder *d, const msgpack_object *o, const char *what, const char **ret)
{
	if (o->type != MSGPACK_OBJECT_STR)
		return refuse(d, what);
	if (o->via.str.size > NAME_MAX_BYTES)
		return refuse(d, "a name is longer than 1024 bytes");
	*ret = arena_strn(&d->t->arena, o->via.str.ptr, o->via.str.size);
	return *ret ? 0 : err_nomem(d->err);
}

static int read_uint(struct decoder *d, const msgpack_object *o, uint64_t max, const char *what,
		     uint64_t *ret)
{
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 > max)
		return refuse(d, what);
	*ret = o->via.u64;
	return 0;
}

static int read_u32(struct decoder *d, const msgpack_object *o, uint64_t max, const char *what,
		    uint32_t *ret)
{
	uint64_t v = 0;
	int rc = read_uint(d, o, max, what, &v);

	if (!rc)
		*ret = v;
	return rc;
}

/* The tables begin with at least one row whenever this is called. */
static int read_index(struct decoder *d, const msgpack_object *o, uint32_t *ret)
{
	return read_u32(d, o, d->t->len - 1, "t is not an index into the table", ret);
}

static int read_word(struct decoder *d, const msgpack_object *o, const char *const *words, size_t n,
		     const char *what, unsigned *ret)
{
	for (size_t i = 0; o->type == MSGPACK_OBJECT_STR && i < n; i++) {
		if (strlen(words[i]) == o->via.str.size &&
		    !memcmp(words[i], o->via.str.ptr, o->via.str.size)) {
			*ret = i;
			return 0;
		}
	}
	return refuse(d, what);
}

static int read_member(struct decoder *d, const msgpack_object *o, struct type_member *ret)
{
	bool has_type = false, has_off = false;
	int rc = 0;

	*ret = (struct type_member){ 0 };
	if (o->type != MSGPACK_OBJECT_MAP)
		return refuse(d, "a member is not a map");
	for (uint32_t i = 0; !rc && i < o->via.map.size; i++) {
		const msgpack_object_kv *kv = &o->via.map.ptr[i];

		if (key_is(kv, "n")) {
			rc = read_str(d, &kv->val, "a member's n is not a str", &ret->name);
		} else if (key_is(kv, "t")) {
			rc = read_index(d, &kv->val, &ret->type);
			has_type = true;
		} else if (key_is(kv, "o")) {
			rc = read_uint(d, &kv->val, UINT64_MAX, "a member's o is not a uint",
				       &ret->bit_off);
			has_off = true;
		} else if (key_is(kv, "b")) {
			rc = read_u32(d, &kv->val, UINT32_MAX, "a member's b is not a uint",
				      &ret->bit_size);
		}
	}
	if (!rc && (!has_type || !has_off))
		rc = refuse(d, "a member lacks t or o");
	return rc;
}

static int read_members(struct decoder *d, const msgpack_object *o, struct type_row *row)
{
	struct type_member *m;
	int rc = 0;

	if (o->type != MSGPACK_OBJECT_ARRAY)
		return refuse(d, "m is not a list");
	m = arena_alloc(&d->t->arena, o->via.array.size * sizeof(*m));
	if (!m)
		return err_nomem(d->err);
	for (uint32_t i = 0; !rc && i < o->via.array.size; i++)
		rc = read_member(d, &o->via.array.ptr[i], &m[i]);
	row->members = m;
	row->nmembers = o->via.array.size;
	return rc;
}

static int read_value(struct decoder *d, const msgpack_object *o, int64_t *ret)
{
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER &&
	    o->type != MSGPACK_OBJECT_NEGATIVE_INTEGER)
		return refuse(d, "an enumerator's v is not an int");
	*ret = o->via.i64;
	return 0;
}

static int read_enumerator(struct decoder *d, const msgpack_object *o, struct type_enumerator *ret)
{
	bool has_value = false;
	int rc = 0;

	*ret = (struct type_enumerator){ 0 };
	if (o->type != MSGPACK_OBJECT_MAP)
		return refuse(d, "an enumerator is not a map");
	for (uint32_t i = 0; !rc && i < o->via.map.size; i++) {
		const msgpack_object_kv *kv = &o->via.map.ptr[i];

		if (key_is(kv, "n")) {
			rc = read_str(d, &kv->val, "an enumerator's n is not a str", &ret->name);
		} else if (key_is(kv, "v")) {
			rc = read_value(d, &kv->val, &ret->value);
			has_value = true;
		}
	}
	if (!rc && (!ret->name || !has_value))
		rc = refuse(d, "an enumerator lacks n or v");
	return rc;
}

static int read_enumerators(struct decoder *d, const msgpack_object *o, struct type_row *row)
{
	struct type_enumerator *e;
	int rc = 0;

	if (o->type != MSGPACK_OBJECT_ARRAY)
		return refuse(d, "e is not a list");
	e = arena_alloc(&d->t->arena, o->via.array.size * sizeof(*e));
	if (!e)
		return err_nomem(d->err);
	for (uint32_t i = 0; !rc && i < o->via.array.size; i++)
		rc = read_enumerator(d, &o->via.array.ptr[i], &e[i]);
	row->enumerators = e;
	row->nenumerators = o->via.array.size;
	return rc;
}

static int read_kind(struct decoder *d, const msgpack_object *o, struct type_row *row)
{
	unsigned word = 0;
	int rc = read_word(d, o, kind_word, TYPE_KINDS, "k is not one of the kinds", &word);

	if (!rc)
		row->kind = word;
	return rc;
}

static int read_encoding(struct decoder *d, const msgpack_object *o, struct type_row *row)
{
	unsigned word = 0;
	int rc = read_word(d, o, enc_word, ENCODINGS, "enc is not unsigned, signed, bool or char",
			   &word);

	if (!rc)
		row->enc = word;
	return rc;
}

static int read_key(struct decoder *d, const msgpack_object_kv *kv, struct type_row *row)
{
	const msgpack_object *v = &kv->val;

	if (key_is(kv, "k"))
		return read_kind(d, v, row);
	if (key_is(kv, "n"))
		return read_str(d, v, "n is not a str", &row->name);
	if (key_is(kv, "s"))
		return read_uint(d, v, UINT64_MAX, "s is not a uint", &row->size);
	if (key_is(kv, "enc"))
		return read_encoding(d, v, row);
	if (key_is(kv, "bits"))
		return read_u32(d, v, UINT32_MAX, "bits is not a uint", &row->bits);
	if (key_is(kv, "t"))
		return read_index(d, v, &row->target);
	if (key_is(kv, "to"))
		return read_str(d, v, "to is not a str", &row->to);
	if (key_is(kv, "len"))
		return read_uint(d, v, UINT64_MAX, "len is not a uint", &row->len);
	if (key_is(kv, "m"))
		return read_members(d, v, row);
	if (key_is(kv, "e"))
		return read_enumerators(d, v, row);
	return 0;
}

static bool needs_target(enum type_kind k)
{
	return k == TYPE_ARRAY || (k >= TYPE_TYPEDEF && k <= TYPE_TYPE_TAG) || k == TYPE_VAR;
}

static int read_row(struct decoder *d, const msgpack_object *o, struct type_row *row)
{
	int rc = 0;

	*row = (struct type_row){ .kind = TYPE_KINDS, .target = TYPE_NONE };
	if (o->type != MSGPACK_OBJECT_MAP)
		return refuse(d, "a type is not a map");
	for (uint32_t i = 0; !rc && i < o->via.map.size; i++)
		rc = read_key(d, &o->via.map.ptr[i], row);
	if (rc)
		return rc;
	if (row->kind == TYPE_KINDS)
		return refuse(d, "k, the kind, is missing");
	if (row->target == TYPE_NONE && needs_target(row->kind))
		return refuse(d, "t, the type behind it, is missing");
	return 0;
}

struct type_table *type_table_decode(const msgpack_object *types, struct ksnap_err *err)
{
	struct type_table *t = NULL;
	struct decoder d = { .err = err };
	int rc = 0;

	if (types->type != MSGPACK_OBJECT_ARRAY) {
		err_set(err, KSNAP_E_PROTO, "types is not a list");
		return NULL;
	}
	t = type_table_create(err);
	if (!t)
		return NULL;
	t->rows = calloc(types->via.array.size + 1, sizeof(*t->rows));
	if (!t->rows)
		rc = err_nomem(err);
	d.t = t;
	t->cap = types->via.array.size + 1;
	t->len = types->via.array.size;
	for (; !rc && d.index < t->len; d.index++)
		rc = read_row(&d, &types->via.array.ptr[d.index], &t->rows[d.index]);
	if (!rc)
		return t;
	type_table_destroy(t);
	return NULL;
}
