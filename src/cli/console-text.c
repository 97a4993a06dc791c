/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading a terminal's byte stream as text (ECMA-48). */

#include "cli/console-text.h"

#include "base/buffer.h"

#include <string.h>

#define ESCAPE '\033'
#define BELL '\a'

/* A control sequence: ESC [ parameters, intermediates, one final byte. */
static size_t control_sequence(const char *s, size_t n)
{
        size_t i = 2;

        while (i < n && s[i] >= 0x20 && s[i] <= 0x3f)
                i++;
        return i < n ? i + 1 : n;
}

/* A string (title and the like): up to BEL or ESC \. */
static size_t string_sequence(const char *s, size_t n)
{
        for (size_t i = 2; i < n; i++) {
                if (s[i] == BELL)
                        return i + 1;
                if (s[i] == ESCAPE && i + 1 < n && s[i + 1] == '\\')
                        return i + 2;
        }
        return n;
}

/* Length of the sequence at s[0] == ESC. */
static size_t sequence_length(const char *s, size_t n)
{
        size_t i = 1;

        if (n < 2)
                return n;
        if (s[1] == '[')
                return control_sequence(s, n);
        if (strchr("]P^_X", s[1]))
                return string_sequence(s, n);
        while (i < n && s[i] >= 0x20 && s[i] <= 0x2f) /* character sets: ESC ( B */
                i++;
        return i < n ? i + 1 : n;
}

char *console_text_clean(const char *data, size_t size, bool colors)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char)data[i];

                if (c == ESCAPE) {
                        size_t n = sequence_length(data + i, size - i);

                        if (colors && data[i + n - 1] == 'm' && n > 2 && data[i + 1] == '[')
                                buffer_append(&text, data + i, n);
                        i += n - 1;
                } else if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f)) {
                        buffer_append(&text, data + i, 1);
                }
        }
        return buffer_steal(&text);
}

const char *console_text_tail(const char *text, size_t lines)
{
        const char *p = text + strlen(text);

        if (p > text && p[-1] == '\n')
                p--; /* it ends the last line, it does not begin one */
        for (; p > text; p--)
                if (p[-1] == '\n' && lines-- <= 1)
                        break;
        return p;
}
