// SPDX-License-Identifier: MIT
/* notes.c - two lists in shared memory, one of which holds: who reads sees no half-written one. */
#include "lua/notes.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"

#define STRINGS 4 /* of one note */

struct list {
	uint32_t len;  /* bytes of whole notes */
	uint32_t more; /* notes that had no room */
	char bytes[NOTES_BYTES];
};

struct notes {
	_Atomic unsigned holds; /* which list */
	struct list lists[2];
};

static const char notes_key; /* its address names the notes in the registry */

struct notes *notes_create(struct ksnap_err *err)
{
	void *n = mmap(NULL, sizeof(struct notes), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (n != MAP_FAILED)
		return n;
	err_errno(err, KSNAP_E_NOMEM, errno, "no memory to share with a script");
	return NULL;
}

void notes_destroy(struct notes *n)
{
	if (n)
		munmap(n, sizeof(*n));
}

static const char *take(const char **at)
{
	const char *s = *at;

	*at += strlen(s) + 1;
	return s;
}

unsigned notes_each(const struct notes *n, void (*fn)(void *arg, const struct note *note),
		    void *arg)
{
	const struct list *l = &n->lists[n->holds];
	const char *at = l->bytes;

	while (at < l->bytes + l->len) {
		struct note note;

		note.kind = take(&at);
		note.path = take(&at);
		note.text = take(&at);
		note.words = take(&at);
		fn(arg, &note);
	}
	return l->more;
}

void notes_use(lua_State *L, struct notes *n)
{
	lua_pushlightuserdata(L, n);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &notes_key);
}

/* Append string @i of the list at 1, with its end; false: no room. */
static bool append(lua_State *L, struct list *l, lua_Integer i)
{
	size_t len;
	const char *s;
	bool fits;

	lua_rawgeti(L, 1, i);
	s = luaL_checklstring(L, -1, &len);
	luaL_argcheck(L, strlen(s) == len, 1, "a NUL in a note");
	fits = len < NOTES_BYTES - l->len;
	if (fits) {
		memcpy(l->bytes + l->len, s, len + 1);
		l->len += (uint32_t)len + 1;
	}
	lua_pop(L, 1); // the list still holds it
	return fits;
}

static bool append_note(lua_State *L, struct list *l, lua_Integer first)
{
	uint32_t before = l->len;

	for (lua_Integer i = first; i < first + STRINGS; i++)
		if (!append(L, l, i)) {
			l->len = before;
			return false;
		}
	return true;
}

/* notes.set{kind, path, text, words, kind, ...}: in place of what was noted before */
static int set(lua_State *L)
{
	struct notes *n;
	struct list *l;
	lua_Integer len;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &notes_key);
	n = lua_touserdata(L, -1);
	if (!n)
		return 0;
	l = &n->lists[!n->holds];
	l->len = l->more = 0;
	len = (lua_Integer)lua_rawlen(L, 1);
	for (lua_Integer i = 1; i + STRINGS - 1 <= len; i += STRINGS)
		l->more += !append_note(L, l, i);
	n->holds = !n->holds;
	return 0;
}

static const luaL_Reg notes_functions[] = { { "set", set }, { NULL, NULL } };

int luaopen_ksnap_notes(lua_State *L)
{
	luaL_newlib(L, notes_functions);
	return 1;
}
