/* SPDX-License-Identifier: MIT */
/* utf8.h - strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef KSNAP_BASE_UTF8_H
#define KSNAP_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length in bytes (1 to 4) of the character at the start of @s, its number in *ret_rune; 0 when
 * there is none that is whole and sound within @len bytes. */
size_t utf8_next(const char *s, size_t len, uint32_t *ret_rune);
/* Bytes at the start of @s that are plain to see to be ASCII without control characters: as many
 * as there are, or up to seven fewer. */
size_t utf8_plain(const char *s, size_t len);
/* Bytes before the first NUL or the first byte that is not UTF-8; @len when all are sound. */
size_t utf8_sound(const char *s, size_t len);
/* Bytes of the longest prefix of @s that does not end within a character; bytes that are not
 * UTF-8 count as characters. For cutting text to fit. */
size_t utf8_cut(const char *s, size_t len);
/* Has it a control character, those above 0x7f too? @s is sound. */
bool utf8_has_control(const char *s, size_t len);
/* Put question marks in place of what is not UTF-8 and of control characters but newlines and tabs.
 */
void utf8_make_printable(char *text, size_t len);

#endif
