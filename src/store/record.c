/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/record.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool needs_escape(unsigned char c)
{
        return c <= 0x20 || c == 0x7f || c == '\\';
}

void record_write_word(Buffer *out, const char *word)
{
        for (const char *s = word; *s;) {
                size_t plain = 0;

                while (s[plain] && !needs_escape((unsigned char)s[plain]))
                        plain++;
                buffer_append(out, s, plain);
                s += plain;
                if (*s)
                        buffer_printf(out, "\\%03o", (unsigned char)*s++);
        }
}

void record_write_hex(Buffer *out, const void *data, size_t size)
{
        static const char digits[] = "0123456789abcdef";
        const unsigned char *bytes = data;

        for (size_t i = 0; i < size; i++) {
                char two[2] = { digits[bytes[i] >> 4], digits[bytes[i] & 15] };

                buffer_append(out, two, sizeof(two));
        }
}

void record_reader_done(RecordReader *r)
{
        free(r->copy);
        *r = RECORD_READER_NULL;
}

int record_refuse(const RecordReader *r, Error *error, const char *format, ...)
{
        _cleanup_free_ char *what = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&what, format, ap);
        va_end(ap);
        if (n < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return error_set(error, EBADMSG, "%s:%u: %s", r->name, r->line, what);
}

int record_open(const char *name, const char *text, size_t size, const char *magic,
                RecordReader *ret, Error *error)
{
        _cleanup_record_reader_ RecordReader r = { .name = name, .line = 1 };
        size_t length = strlen(magic);

        if (size < length + 1 || memcmp(text, magic, length) != 0 || text[length] != '\n')
                return record_refuse(&r, error, "The first line is not '%s'", magic);
        if (memchr(text, 0, size) || text[size - 1] != '\n')
                return record_refuse(&r, error, "The text is cut off, or none");
        r.copy = malloc(size + 1);
        if (!r.copy)
                return error_set(error, ENOMEM, "Out of memory");
        memcpy(r.copy, text, size);
        r.copy[size] = 0;
        r.at = r.copy + length + 1;
        r.end = r.copy + size;
        *ret = r;
        r.copy = NULL;
        return 0;
}

/* In place. */
static int unescape(char *word)
{
        char *to = strchr(word, '\\');

        for (const char *from = to; to && *from;) {
                unsigned value = 0;

                if (*from != '\\') {
                        *to++ = *from++;
                        continue;
                }
                for (int i = 1; i <= 3; i++) {
                        if (from[i] < '0' || from[i] > '7')
                                return -EINVAL;
                        value = value * 8 + (unsigned)(from[i] - '0');
                }
                if (value == 0 || value > 0xff)
                        return -EINVAL;
                *to++ = (char)value;
                from += 4;
        }
        if (to)
                *to = 0;
        return 0;
}

int record_next(RecordReader *r, char *words[static RECORD_WORDS_MAX], Error *error)
{
        char *line = r->at, *end;
        int n = 0;

        if (r->at == r->end)
                return 0;
        r->line++;
        end = memchr(r->at, '\n', (size_t)(r->end - r->at));
        *end = 0; /* record_open() saw one at the end */
        r->at = end + 1;
        for (char *word = line; word; n++) {
                char *space = strchr(word, ' ');

                if (n == RECORD_WORDS_MAX)
                        return record_refuse(r, error, "Too many words");
                if (space)
                        *space = 0;
                if (unescape(word) < 0)
                        return record_refuse(r, error, "A '\\' without three octal digits");
                words[n] = word;
                word = space ? space + 1 : NULL;
        }
        for (int i = n; i < RECORD_WORDS_MAX; i++)
                words[i] = NULL;
        return n;
}

int record_check_canonical(const char *name, const char *text, size_t size, const Buffer *written,
                           Error *error)
{
        RecordReader at = { .name = name, .line = 1 };
        size_t i = 0;

        if (buffer_error(written) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (written->size == size && memcmp(written->data, text, size) == 0)
                return 0;
        for (; i < size && i < written->size && text[i] == written->data[i]; i++)
                at.line += text[i] == '\n';
        return record_refuse(&at, error, "The line is not in canonical form");
}

int record_parse_number(const char *s, int base, uint64_t maximum, uint64_t *ret)
{
        uint64_t value = 0;

        if (!*s)
                return -EINVAL;
        for (; *s; s++) {
                unsigned digit = (unsigned)(*s - '0');

                if (*s < '0' || digit >= (unsigned)base ||
                    __builtin_mul_overflow(value, (uint64_t)base, &value) ||
                    __builtin_add_overflow(value, digit, &value))
                        return -EINVAL;
        }
        if (value > maximum)
                return -EINVAL;
        *ret = value;
        return 0;
}

int record_parse_time(const char *s, int64_t *ret)
{
        bool negative = *s == '-';
        uint64_t value;
        int r = record_parse_number(s + negative, 10, INT64_MAX, &value);

        if (r >= 0)
                *ret = negative ? -(int64_t)value : (int64_t)value;
        return r;
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -EINVAL;
}

int record_parse_hex(char *s, size_t *ret_size)
{
        size_t n = 0;

        for (; s[2 * n]; n++) {
                int high = hex_value(s[2 * n]), low = high < 0 ? high : hex_value(s[2 * n + 1]);

                if (low < 0)
                        return -EINVAL;
                s[n] = (char)(high << 4 | low);
        }
        *ret_size = n;
        return 0;
}
