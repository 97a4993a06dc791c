/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/printable.h"

#include "base/buffer.h"
#include "base/utf8.h"

char *printable_text(const char *s)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;

        while (*s) {
                size_t n = utf8_length(s), length = n ?: 1;

                if (n > 0 && !utf8_is_control(s))
                        buffer_append(&out, s, length);
                else
                        for (size_t i = 0; i < length; i++)
                                buffer_printf(&out, "\\%03o", (unsigned)(unsigned char)s[i]);
                s += length;
        }
        return buffer_steal(&out);
}

json_t *printable_json(const char *s)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;

        if (!s)
                return json_null();
        while (*s) {
                size_t n = utf8_length(s);

                if (n > 0)
                        buffer_append(&out, s, n);
                else
                        buffer_puts(&out, UTF8_REPLACEMENT);
                s += n ?: 1;
        }
        return buffer_error(&out) < 0 ? NULL : json_string(out.data ?: "");
}
