/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Telling characters from bytes. */

#include "base/utf8.h"

size_t utf8_length(const char *text)
{
        const unsigned char *s = (const unsigned char *)text;
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

bool utf8_is_control(const char *s)
{
        unsigned char c = (unsigned char)s[0];

        return c < ' ' || c == 0x7f || (c == 0xc2 && (unsigned char)s[1] < 0xa0);
}

bool utf8_is_plain(const char *s)
{
        for (size_t n; *s; s += n) {
                n = utf8_length(s);
                if (n == 0 || utf8_is_control(s))
                        return false;
        }
        return true;
}
