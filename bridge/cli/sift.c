// SPDX-License-Identifier: MIT
/* sift.c - which live messages a monitor shows. */
#include "cli/sift.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/print.h"
#include "report/reader.h"

#define WORD_ROOM 256 /* above the longest tag, symbol and kind */

int sift_init(struct sift *s, const struct args *args, struct ksnap_err *err)
{
	*s = (struct sift){ args_list(args, "kind"), args_list(args, "match") };
	if (s->kinds && s->names)
		return 0;
	sift_fini(s);
	return err_nomem(err);
}

void sift_fini(struct sift *s)
{
	free(s->kinds);
	free(s->names);
	*s = (struct sift){ 0 };
}

bool sift_is_empty(const struct sift *s)
{
	return !s->kinds[0] && !s->names[0];
}

static bool is_like(const char *const *globs, const msgpack_object *header, const char *key)
{
	msgpack_object_str str = field_str(header, key);
	char word[WORD_ROOM];

	if (!object_get(header, key) || str.size >= sizeof(word))
		return false;
	memcpy(word, str.ptr, str.size);
	word[str.size] = '\0';
	for (; *globs; globs++)
		if (fnmatch(*globs, word, 0) == 0)
			return true;
	return false;
}

bool sift_takes(const struct sift *s, const msgpack_object *header)
{
	if (s->kinds[0] && !is_like(s->kinds, header, "k"))
		return false;
	return !s->names[0] || is_like(s->names, header, "tag") ||
	       is_like(s->names, header, "symbol");
}
