// SPDX-License-Identifier: MIT
/* memory_words.c - split words, read numbers, print values. */
#include "cli/memory_words.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/proc_stat.h"
#include "wire/pack.h"

/* ---- the task -------------------------------------------------------------------------------- */

static int start_time_of(uint64_t task, uint64_t *ret, struct ksnap_err *err)
{
	if (proc_stat(task, PROC_STAT_START, ret))
		return 0;
	return err_set(err, KSNAP_E_NOTFOUND, "there is no task %" PRIu64 " on this host", task);
}

static bool has_option(const struct args *args, const char *name)
{
	return args_count(args, name) > 0;
}

/* Its numbers of tasks are not this host's. */
static bool is_elsewhere(const char *target)
{
	return !strncmp(target, "guest:", 6) || !strncmp(target, "core:", 5);
}

int memory_words_init(struct memory_words *w, const struct args *args, struct ksnap_err *err)
{
	*w = (struct memory_words){ .task = args_uint(args, "task", 0),
				    .has_start_time = has_option(args, "start-time"),
				    .start_time = args_uint(args, "start-time", 0),
				    .width = args_string(args, "width", NULL),
				    .bytes = args_uint(args, "bytes", 0) };
	if (w->width && w->bytes)
		return err_set(err, KSNAP_E_ARG, "--width and --bytes contradict each other");
	if (w->has_start_time && !w->task)
		return err_set(err, KSNAP_E_ARG, "--start-time belongs to --task PID");
	if (!w->task || w->has_start_time || is_elsewhere(args_string(args, "target", "")))
		return 0;
	w->has_start_time = true;
	return start_time_of(w->task, &w->start_time, err);
}

/* ---- entries --------------------------------------------------------------------------------- */

static void pack_at(const struct memory_words *w, const char *word, size_t len, msgpack_packer *pk)
{
	pack_str(pk, "at");
	if (!w->task) {
		pack_strn(pk, word, len);
		return;
	}
	msgpack_pack_map(pk, w->has_start_time ? 3 : 2);
	pack_str(pk, "task");
	msgpack_pack_uint64(pk, w->task);
	if (w->has_start_time) {
		pack_str(pk, "start_time");
		msgpack_pack_uint64(pk, w->start_time);
	}
	pack_str(pk, "field");
	pack_strn(pk, word, len);
}

static void pack_width(const struct memory_words *w, msgpack_packer *pk)
{
	if (!w->width && !w->bytes)
		return;
	pack_str(pk, "width");
	if (w->width) {
		msgpack_pack_uint64(pk, w->width[0] - '0');
		return;
	}
	msgpack_pack_map(pk, 1);
	pack_str(pk, "bytes");
	msgpack_pack_uint64(pk, w->bytes);
}

static bool has_width(const struct memory_words *w)
{
	return w->width || w->bytes;
}

void memory_word_entry(const struct memory_words *w, const char *word, msgpack_packer *pk)
{
	msgpack_pack_map(pk, 1 + has_width(w));
	pack_at(w, word, strlen(word), pk);
	pack_width(w, pk);
}

/* ---- values to write ------------------------------------------------------------------------- */

/* The '=' between symbol and value: not one within brackets. NULL: there is none. */
static const char *find_equals(const char *word)
{
	unsigned depth = 0;
	bool quoted = false;

	for (; *word; word++) {
		if (*word == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		depth += *word == '[';
		depth -= *word == ']' && depth;
		if (*word == '=' && !depth)
			return word;
	}
	return NULL;
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static int pack_hex(const char *hex, msgpack_packer *pk, struct ksnap_err *err)
{
	_buf_ struct buf bytes = BUF_INIT;
	size_t len = strlen(hex);

	if (!len || len % 2 || strspn(hex, "0123456789abcdefABCDEF") != len)
		return err_set(err, KSNAP_E_ARG, "hex: takes two hex digits a byte, not '%s'", hex);
	for (size_t i = 0; i < len; i += 2) {
		uint8_t byte = hex_digit(hex[i]) << 4 | hex_digit(hex[i + 1]);

		buf_append(&bytes, &byte, 1);
	}
	if (!buf_ok(&bytes))
		return err_nomem(err);
	pack_bin(pk, bytes.data, bytes.len);
	return 0;
}

static int pack_number(const char *text, bool no_sign, msgpack_packer *pk, struct ksnap_err *err)
{
	bool minus = *text == '-' && !no_sign;
	const char *digits = text + minus;
	int base = !strncmp(digits, "0x", 2) ? 16 : 10;
	uint64_t n;
	char *end;

	errno = 0;
	n = strtoull(digits, &end, base);
	if (!isdigit((unsigned char)*digits) || *end || errno || (minus && n > 1ull << 63))
		return err_set(err, KSNAP_E_ARG,
			       "a value is a number of at most 64 bits, hex:0a1b, or \"text\", not "
			       "'%s'",
			       text);
	if (minus)
		msgpack_pack_int64(pk, (int64_t)-n);
	else
		msgpack_pack_uint64(pk, n);
	return 0;
}

static int pack_mask(const char *text, msgpack_packer *pk, struct ksnap_err *err)
{
	struct ksnap_err why;

	if (!pack_number(text, true, pk, &why))
		return 0;
	return err_set(err, KSNAP_E_ARG,
		       "a mask, whose bits |= sets, is a number of at most 64 bits without a sign, "
		       "such as 0x10, not '%s'",
		       text);
}

static int pack_value(const char *text, msgpack_packer *pk, struct ksnap_err *err)
{
	size_t len = strlen(text);

	if (!strncmp(text, "hex:", 4))
		return pack_hex(text + 4, pk, err);
	if (*text != '"')
		return pack_number(text, false, pk, err);
	if (len < 3 || text[len - 1] != '"')
		return err_set(err, KSNAP_E_ARG, "a text stands in quotes and is not empty: %s",
			       text);
	pack_bin(pk, text + 1, len - 2);
	return 0;
}

int memory_word_write(const struct memory_words *w, const char *word, msgpack_packer *pk,
		      struct ksnap_err *err)
{
	const char *equals = find_equals(word);
	bool is_or = equals && equals > word && equals[-1] == '|';
	size_t len = equals ? equals - word - is_or : 0;

	if (!len)
		return err_set(err, KSNAP_E_ARG, "'%s' is not SYMBOL=VALUE", word);
	msgpack_pack_map(pk, 2 + has_width(w));
	pack_at(w, word, len, pk);
	pack_width(w, pk);
	pack_str(pk, "value");
	if (!is_or)
		return pack_value(equals + 1, pk, err);
	msgpack_pack_map(pk, 1);
	pack_str(pk, "or");
	return pack_mask(equals + 1, pk, err);
}

/* ---- values that were read ------------------------------------------------------------------- */

/* Text, and nothing but NULs behind it. */
static size_t text_len(const msgpack_object_bin *b)
{
	size_t len = 0, at;

	while (len < b->size && isprint((unsigned char)b->ptr[len]) && b->ptr[len] != '"')
		len++;
	for (at = len; at < b->size && !b->ptr[at];)
		at++;
	return at == b->size ? len : 0;
}

static void print_bin(struct buf *out, const msgpack_object_bin *b, bool as_hex)
{
	size_t len = as_hex ? 0 : text_len(b);

	if (len) {
		buf_printf(out, "\"%.*s\"", (int)len, b->ptr);
		return;
	}
	buf_printf(out, "hex:");
	for (size_t i = 0; i < b->size; i++)
		buf_printf(out, "%02x", (unsigned char)b->ptr[i]);
}

void memory_print(struct buf *out, const msgpack_object *value, bool as_hex)
{
	if (value->type == MSGPACK_OBJECT_BIN)
		print_bin(out, &value->via.bin, as_hex);
	else if (value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
		buf_printf(out, "%" PRId64, value->via.i64);
	else if (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		buf_printf(out, as_hex ? "0x%" PRIx64 : "%" PRIu64, value->via.u64);
	else
		buf_printf(out, "?");
}
