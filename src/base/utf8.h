/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* UTF-8 as RFC 3629 has it. */

#include <stddef.h>

/* What stands for a byte that is not valid: U+FFFD. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* Bytes of the character at @s; 0: not valid (also overlong forms, surrogates and what lies above
 * 10FFFF). Looks no further than the NUL. */
size_t utf8_length(const char *s);
