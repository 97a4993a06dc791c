/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Escaping for JSON. */

#include "base/json.h"

#include <stdint.h>

/* Bytes of the character at @s; 0: not valid (RFC 3629: no overlong form, surrogate or above
 * 10FFFF). */
static size_t utf8_length(const unsigned char *s)
{
        size_t n = s[0] < 0x80   ? 1
                   : s[0] < 0xc2 ? 0
                   : s[0] < 0xe0 ? 2
                   : s[0] < 0xf0 ? 3
                   : s[0] < 0xf5 ? 4
                                 : 0;

        for (size_t i = 1; i < n; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0; /* the end of the text, too */
        if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
            (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
                return 0;
        return n;
}

void json_write_string(Buffer *out, const char *s)
{
        buffer_puts(out, "\"");
        while (*s) {
                unsigned char c = (unsigned char)*s;
                size_t n = utf8_length((const unsigned char *)s);

                if (c == '"' || c == '\\')
                        buffer_printf(out, "\\%c", c);
                else if (c < ' ' || c == 0x7f)
                        buffer_printf(out, "\\u%04x", c);
                else if (n == 0)
                        buffer_puts(out, "\\ufffd");
                else
                        buffer_append(out, s, n);
                s += n ?: 1;
        }
        buffer_puts(out, "\"");
}
