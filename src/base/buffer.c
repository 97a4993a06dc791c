/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The growing string. */

#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

void buffer_done(Buffer *b)
{
        free(b->data);
        *b = BUFFER_NULL;
}

static bool buffer_reserve(Buffer *b, size_t more)
{
        size_t want = b->size + more + 1;
        char *grown;

        if (b->failed)
                return false;
        if (want <= b->allocated)
                return true;
        want = MAX_OF(want, MAX_OF(b->allocated * 2, (size_t)64));
        grown = realloc(b->data, want);
        if (!grown) {
                b->failed = true;
                return false;
        }
        b->data = grown;
        b->allocated = want;
        return true;
}

void buffer_append(Buffer *b, const void *data, size_t size)
{
        if (!buffer_reserve(b, size))
                return;
        if (size > 0)
                memcpy(b->data + b->size, data, size);
        b->size += size;
        b->data[b->size] = '\0';
}

void buffer_puts(Buffer *b, const char *s)
{
        buffer_append(b, s, strlen(s));
}

void buffer_printf(Buffer *b, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                b->failed = true;
                return;
        }
        buffer_append(b, text, (size_t)n);
}

int buffer_error(const Buffer *b)
{
        return b->failed ? -ENOMEM : 0;
}

char *buffer_steal(Buffer *b)
{
        char *data;

        if (b->failed)
                return NULL;
        if (!b->data)
                return strdup("");
        data = TAKE_PTR(b->data);
        *b = BUFFER_NULL;
        return data;
}
