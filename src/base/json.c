/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Escaping for JSON. */

#include "base/json.h"

#include "base/utf8.h"

void json_write_string(Buffer *out, const char *s)
{
        buffer_puts(out, "\"");
        while (*s) {
                unsigned char c = (unsigned char)*s;
                size_t n = utf8_length(s);

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
