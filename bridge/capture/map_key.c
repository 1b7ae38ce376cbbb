// SPDX-License-Identifier: MIT
/* map_key.c - by the key's type: text, a number, or bytes as they were given. */
#include "capture/map_key.h"

#include <string.h>

#include "base/error.h"
#include "capture/btf_path.h"

static const char as_hex[] = ", which can be given as hex:";

static int refuse_key(const struct symbol *s, const struct map_key_of *of, const char *what,
		      const char *hint, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_ARG, "symbol '%s': the key %s; map %s has keys of %u bytes%s",
		       s->text, what, of->map, of->size, hint);
}

static int key_of_number(const struct symbol *s, const struct map_key_of *of, uint8_t *key,
			 struct ksnap_err *err)
{
	const struct symbol_key *k = &s->key;
	unsigned bits = 8 * of->size;

	if (of->size > 8 || (of->size & (of->size - 1)))
		return refuse_key(s, of, "is a number", as_hex, err);
	if (bits < 64 && !k->is_negative && k->number >> bits)
		return refuse_key(s, of, "is too large", "", err);
	if (bits < 64 && k->is_negative && -k->number > 1ull << (bits - 1))
		return refuse_key(s, of, "is too small", "", err);
	memcpy(key, &k->number, of->size);
	return 0;
}

static bool takes_text(const struct btf *btf, uint32_t type)
{
	const struct btf_type *t = btf ? btf__type_by_id(btf, btf_behind(btf, type)) : NULL;
	const struct btf_type *of =
		t && btf_is_array(t) ? btf__type_by_id(btf, btf_behind(btf, btf_array(t)->type))
				     : NULL;

	return of && btf_is_int(of) && of->size == 1;
}

static bool takes_number(const struct btf *btf, uint32_t type)
{
	const struct btf_type *t = btf ? btf__type_by_id(btf, btf_behind(btf, type)) : NULL;

	return !t || btf_is_int(t) || btf_is_any_enum(t) || btf_is_ptr(t);
}

int map_key_encode(const struct symbol *s, const struct map_key_of *of, uint8_t key[SYMBOL_MAX],
		   struct ksnap_err *err)
{
	const struct symbol_key *k = &s->key;

	if (of->size > SYMBOL_MAX)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "symbol '%s': keys of %u bytes are longer than a symbol may be (%d)",
			       s->text, of->size, SYMBOL_MAX);
	if (k->is_bytes && k->len != of->size)
		return refuse_key(s, of, "has another length", "", err);
	if (takes_text(of->btf, of->type) && !k->is_bytes && k->len > of->size)
		return refuse_key(s, of, "is too long", "", err);
	if (k->is_bytes || takes_text(of->btf, of->type)) {
		memcpy(key, k->bytes, k->len);
		return 0;
	}
	if (!takes_number(of->btf, of->type))
		return refuse_key(s, of, "is neither a number nor a string there", as_hex, err);
	if (!k->has_number)
		return refuse_key(s, of, "is no number", as_hex, err);
	return key_of_number(s, of, key, err);
}
