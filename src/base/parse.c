/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Strict parsers for the scalar values that definitions and command lines hold. */

#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int parse_boolean(const char *s)
{
        static const char *const yes[] = { "1", "yes", "y", "true", "t", "on" };
        static const char *const no[] = { "0", "no", "n", "false", "f", "off" };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                if (strcasecmp(s, yes[i]) == 0)
                        return 1;
                if (strcasecmp(s, no[i]) == 0)
                        return 0;
        }
        return -EINVAL;
}

int parse_uint64(const char *s, uint64_t *ret)
{
        unsigned long long value;
        char *end;

        if (!isdigit((unsigned char)s[0])) /* strtoull() would take "-1" and " 1" */
                return -EINVAL;
        errno = 0;
        value = strtoull(s, &end, strncasecmp(s, "0x", 2) == 0 ? 16 : 10);
        if (*end != '\0')
                return -EINVAL;
        if (errno != 0)
                return -errno;
        *ret = value;
        return 0;
}

int parse_uint32(const char *s, uint32_t *ret)
{
        uint64_t value;
        int r = parse_uint64(s, &value);

        if (r < 0)
                return r;
        if (value > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t)value;
        return 0;
}

int parse_int(const char *s, int *ret)
{
        bool negative = s[0] == '-';
        uint64_t value;
        int r = parse_uint64(negative ? s + 1 : s, &value);

        if (r < 0)
                return r;
        if (value > INT_MAX)
                return -ERANGE;
        *ret = negative ? -(int)value : (int)value;
        return 0;
}

int parse_size(const char *s, uint64_t *ret)
{
        static const char suffixes[] = "KMGTPE";
        char digits[24];
        const char *suffix = s + strspn(s, "0123456789"), *which;
        size_t n = (size_t)(suffix - s);
        unsigned shift = 0;
        uint64_t value;
        int r;

        if (strcmp(s, "infinity") == 0) {
                *ret = UINT64_MAX;
                return 0;
        }
        if (n == 0 || n >= sizeof(digits))
                return -EINVAL;
        if (*suffix != '\0' && strcmp(suffix, "B") != 0) {
                which = strchr(suffixes, toupper((unsigned char)*suffix));
                if (!which || (suffix[1] != '\0' && strcmp(suffix + 1, "B") != 0 &&
                               strcmp(suffix + 1, "iB") != 0))
                        return -EINVAL;
                shift = 10 * (unsigned)(which - suffixes + 1);
        }
        memcpy(digits, s, n);
        digits[n] = '\0';
        r = parse_uint64(digits, &value);
        if (r < 0)
                return r;
        if (value > (UINT64_MAX >> shift))
                return -ERANGE;
        *ret = value << shift;
        return 0;
}

const char *size_to_string(uint64_t bytes, char *buffer, size_t size)
{
        static const char suffixes[] = "KMGTPE";
        int i = -1;

        while (bytes > 0 && bytes % 1024 == 0 && suffixes[i + 1]) {
                bytes /= 1024;
                i++;
        }
        (void)snprintf(buffer, size, "%" PRIu64 "%.*s", bytes, i >= 0, suffixes + MAX_OF(i, 0));
        return buffer;
}

static int time_unit(const char *s, size_t n, uint64_t *ret)
{
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = {
                { "us", 1 },
                { "usec", 1 },
                { "ms", 1000 },
                { "msec", 1000 },
                { "s", USEC_PER_SEC },
                { "sec", USEC_PER_SEC },
                { "second", USEC_PER_SEC },
                { "seconds", USEC_PER_SEC },
                { "m", 60 * USEC_PER_SEC },
                { "min", 60 * USEC_PER_SEC },
                { "minute", 60 * USEC_PER_SEC },
                { "minutes", 60 * USEC_PER_SEC },
                { "h", 3600 * USEC_PER_SEC },
                { "hr", 3600 * USEC_PER_SEC },
                { "hour", 3600 * USEC_PER_SEC },
                { "hours", 3600 * USEC_PER_SEC },
                { "d", 86400 * USEC_PER_SEC },
                { "day", 86400 * USEC_PER_SEC },
                { "days", 86400 * USEC_PER_SEC },
        };

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (strlen(units[i].name) == n && memcmp(units[i].name, s, n) == 0) {
                        *ret = units[i].usec;
                        return 0;
                }
        return -EINVAL;
}

int parse_time(const char *s, uint64_t unit, uint64_t *ret)
{
        uint64_t sum = 0;
        bool any = false;

        if (strcmp(s, "infinity") == 0) {
                *ret = USEC_INFINITY;
                return 0;
        }
        for (s += strspn(s, " \t"); *s; s += strspn(s, " \t")) {
                unsigned long long number;
                uint64_t factor = unit;
                size_t n;
                char *end;

                if (!isdigit((unsigned char)*s))
                        return -EINVAL;
                errno = 0;
                number = strtoull(s, &end, 10);
                if (errno != 0)
                        return -errno;
                s = end + strspn(end, " \t");
                n = strspn(s, "abcdefghijklmnopqrstuvwxyz");
                if (n > 0) {
                        int r = time_unit(s, n, &factor);

                        if (r < 0)
                                return r;
                        s += n;
                }
                if (factor != 0 && number > (UINT64_MAX - 1 - sum) / factor)
                        return -ERANGE;
                sum += number * factor;
                any = true;
        }
        if (!any)
                return -EINVAL;
        *ret = sum;
        return 0;
}

int parse_signal(const char *s)
{
        int number, offset;

        if (parse_int(s, &number) >= 0)
                return number > 0 && number <= SIGRTMAX ? number : -EINVAL;
        if (strncmp(s, "SIG", 3) == 0)
                s += 3;
        if (strcmp(s, "RTMIN") == 0)
                return SIGRTMIN;
        if (strcmp(s, "RTMAX") == 0)
                return SIGRTMAX;
        if (strncmp(s, "RTMIN+", 6) == 0 && parse_int(s + 6, &offset) >= 0)
                return offset >= 0 && SIGRTMIN + offset <= SIGRTMAX ? SIGRTMIN + offset : -EINVAL;
        if (strncmp(s, "RTMAX-", 6) == 0 && parse_int(s + 6, &offset) >= 0)
                return offset >= 0 && SIGRTMAX - offset >= SIGRTMIN ? SIGRTMAX - offset : -EINVAL;
        for (int i = 1; i < SIGRTMIN; i++) {
                const char *name = sigabbrev_np(i);

                if (name && strcmp(name, s) == 0)
                        return i;
        }
        return -EINVAL;
}

const char *signal_to_string(int signal, char *buffer, size_t size)
{
        if (signal >= SIGRTMIN && signal <= SIGRTMAX)
                (void)snprintf(buffer, size, "SIGRTMIN+%d", signal - SIGRTMIN);
        else if (sigabbrev_np(signal))
                (void)snprintf(buffer, size, "SIG%s", sigabbrev_np(signal));
        else
                (void)snprintf(buffer, size, "%d", signal);
        return buffer;
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -EINVAL;
}

/* Reads exactly @n digits of @base (8 or 16). */
static int escape_digits(const char *s, size_t n, int base, uint32_t *ret)
{
        uint32_t value = 0;

        for (size_t i = 0; i < n; i++) {
                int digit = hex_digit(s[i]);

                if (digit < 0 || digit >= base)
                        return -EINVAL;
                value = value * (uint32_t)base + (uint32_t)digit;
        }
        *ret = value;
        return 0;
}

static void append_utf8(Buffer *out, uint32_t c)
{
        char u[4];
        size_t n;

        if (c < 0x80) {
                u[0] = (char)c;
                n = 1;
        } else if (c < 0x800) {
                u[0] = (char)(0xc0 | (c >> 6));
                u[1] = (char)(0x80 | (c & 0x3f));
                n = 2;
        } else if (c < 0x10000) {
                u[0] = (char)(0xe0 | (c >> 12));
                u[1] = (char)(0x80 | ((c >> 6) & 0x3f));
                u[2] = (char)(0x80 | (c & 0x3f));
                n = 3;
        } else {
                u[0] = (char)(0xf0 | (c >> 18));
                u[1] = (char)(0x80 | ((c >> 12) & 0x3f));
                u[2] = (char)(0x80 | ((c >> 6) & 0x3f));
                u[3] = (char)(0x80 | (c & 0x3f));
                n = 4;
        }
        buffer_append(out, u, n);
}

int parse_c_escape(const char *s, Buffer *out, size_t *ret_used)
{
        static const char names[] = "abfnrtvs", values[] = "\a\b\f\n\r\t\v ";
        const char *named = s[1] ? strchr(names, s[1]) : NULL;
        uint32_t c = 0;
        size_t digits;

        if (named) {
                buffer_append(out, &values[named - names], 1);
                *ret_used = 2;
                return 0;
        }
        if (s[1] == 'x' || s[1] == 'u' || s[1] == 'U') {
                digits = s[1] == 'x' ? 2 : s[1] == 'u' ? 4 : 8;
                if (escape_digits(s + 2, digits, 16, &c) < 0 || c > 0x10ffff ||
                    (s[1] != 'x' && c == 0))
                        return -EINVAL;
                if (s[1] == 'x')
                        buffer_append(out, &(char){ (char)c }, 1);
                else
                        append_utf8(out, c);
                *ret_used = 2 + digits;
                return 0;
        }
        if (s[1] >= '0' && s[1] <= '7') {
                if (escape_digits(s + 1, 3, 8, &c) < 0 || c > 0xff)
                        return -EINVAL;
                buffer_append(out, &(char){ (char)c }, 1);
                *ret_used = 4;
                return 0;
        }
        if (!ispunct((unsigned char)s[1]))
                return -EINVAL;
        buffer_append(out, s + 1, 1);
        *ret_used = 2;
        return 0;
}

int parse_id128(const char *s, Id128 *ret)
{
        Id128 id = {};
        bool dashed = strlen(s) == 36;
        size_t n = 0;

        for (const char *p = s; *p; p++) {
                int digit;

                if (dashed && (p - s == 8 || p - s == 13 || p - s == 18 || p - s == 23)) {
                        if (*p != '-')
                                return -EINVAL;
                        continue;
                }
                digit = hex_digit(*p);
                if (digit < 0 || n >= 32)
                        return -EINVAL;
                id.bytes[n / 2] = (uint8_t)(id.bytes[n / 2] << 4 | digit);
                n++;
        }
        if (n != 32 || id128_is_null(&id))
                return -EINVAL;
        *ret = id;
        return 0;
}

bool id128_is_null(const Id128 *id)
{
        static const Id128 null;

        return memcmp(id, &null, sizeof(null)) == 0;
}

const char *id128_to_string(const Id128 *id, char buffer[static 33])
{
        for (size_t i = 0; i < 16; i++)
                (void)snprintf(buffer + 2 * i, 3, "%02x", id->bytes[i]);
        return buffer;
}

const char *id128_to_uuid(const Id128 *id, char buffer[static 37])
{
        char *p = buffer;

        for (size_t i = 0; i < 16; i++)
                p += snprintf(p, 4, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                              id->bytes[i]);
        return buffer;
}
