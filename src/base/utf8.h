/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* UTF-8 as RFC 3629 has it. */

#include <stdbool.h>
#include <stddef.h>

/* What stands for a byte that is not valid: U+FFFD. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* Bytes of the character at @s; 0: not valid (also overlong forms, surrogates and what lies above
 * 10FFFF). Looks no further than the NUL. */
size_t utf8_length(const char *s);

/* Whether a valid character at @s is one that terminals obey: C0, DEL and C1. */
bool utf8_is_control(const char *s);

/* All of it valid, and no control characters: what may be shown to a person as it is. */
bool utf8_is_plain(const char *s);
