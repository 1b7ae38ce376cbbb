/* SPDX-License-Identifier: MIT */
/* bind.h - what the C files of the Lua module share: one opener a type, and the errors.
 *
 * Every userdata here is a box that is safe to collect from its first moment: it is made and gets
 * its metatable while still empty, and only then acquires what it holds. Boxes own all memory that
 * must survive a Lua error, since no C frame may own any when one is raised. */
#ifndef KSNAP_LUA_BIND_H
#define KSNAP_LUA_BIND_H

#include <lauxlib.h>
#include <lua.h>
#include <msgpack.h>

#include "base/buf.h"
#include "ksnap.h"

/* ---- errors: tables {code, class, msg, retry, op?, where?} with __tostring ------------------ */

/* Push the table for @err. @op may be NULL. */
void errors_push(lua_State *L, const struct ksnap_err *err, const char *op);
/* Push nil and the table; the number of results, so that a binding can return it. */
int errors_return(lua_State *L, const struct ksnap_err *err, const char *op);
/* Raise the table, with the script's file:line in `where`. Never returns. */
int errors_raise(lua_State *L, const struct ksnap_err *err, const char *op);

/* ---- blobs ---------------------------------------------------------------------------------- */

/* Push a blob; takes a reference of its own. */
void blob_push(lua_State *L, struct ksnap_blob *blob);
/* The blob at @idx, or, for a string, a new blob with its bytes which replaces the string on the
 * stack. Raises for anything else. */
struct ksnap_blob *blob_check(lua_State *L, int idx);

/* ---- msgpack -------------------------------------------------------------------------------- */

/* Push an empty buffer that frees itself, for msgpack_encode. */
struct buf *buf_push(lua_State *L);
/* Append the value at @idx to @out as msgpack; raises E_ARG for what has no form in msgpack. */
void msgpack_encode(lua_State *L, int idx, struct buf *out);
/* Push the value of a decoded object. */
void msgpack_push(lua_State *L, const msgpack_object *o);
/* Push the one value that @data holds. On failure (E_PROTO) nothing is pushed. */
int msgpack_decode(lua_State *L, const void *data, size_t len, struct ksnap_err *err);
/* Push a decoded value, as msgpack_decode does. */
void msgpack_push(lua_State *L, const msgpack_object *o);

/* ---- snapshots, maps, values ------------------------------------------------------------------
 */

/* The open snapshot at @idx; raises E_STATE when it was closed. */
struct ksnap_snapshot *snapshot_check(lua_State *L, int idx);
/* Push a map or a value that keeps the snapshot at @snap_idx alive. */
void map_push(lua_State *L, int snap_idx, const struct ksnap_map *map);
void value_push(lua_State *L, int snap_idx, const struct ksnap_value *value);
/* Create the metatables of maps and values. */
void map_register(lua_State *L);
void value_register(lua_State *L);

/* ---- openers, for package.preload ---------------------------------------------------------------
 */

int luaopen_ksnap_archive(lua_State *L);
int luaopen_ksnap_diff(lua_State *L);
int luaopen_ksnap_errors(lua_State *L);
int luaopen_ksnap_folder(lua_State *L);
int luaopen_ksnap_blob(lua_State *L);
int luaopen_ksnap_msgpack(lua_State *L);
int luaopen_ksnap_process(lua_State *L);
int luaopen_ksnap_client(lua_State *L);
int luaopen_ksnap_snapshot(lua_State *L);
int luaopen_ksnap_clock(lua_State *L);

/* Put the openers and the compiled-in Lua files into package.preload. */
void modules_preload(lua_State *L);

/* The ZeroMQ context that clients of this state share; NULL: each makes its own. */
void client_set_context(lua_State *L, void *zmq_context);

#endif
