/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last byte of an address comes first. */

#include "network/dns-reverse.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define SUFFIX_V4 "in-addr.arpa"
#define SUFFIX_V6 "ip6.arpa"

/* Up to three digits without a leading zero, and a dot. Moves on behind them. */
static int read_byte(const char **s)
{
        const char *p = *s;
        int value = 0;

        while (*p >= '0' && *p <= '9' && p - *s < 3)
                value = value * 10 + (*p++ - '0');
        if (p == *s || *p != '.' || value > 255 || (**s == '0' && p - *s > 1))
                return -EINVAL;
        *s = p + 1;
        return value;
}

static int read_nibble(const char **s)
{
        static const char digits[] = "0123456789abcdef";
        const char *digit = (*s)[0] != '\0' ? strchr(digits, (*s)[0]) : NULL;

        if (!digit || (*s)[1] != '.')
                return -EINVAL;
        *s += 2;
        return (int)(digit - digits);
}

static int parse_v4(const char *s, IpAddress *ret)
{
        uint8_t bytes[4];

        for (unsigned i = 0; i < 4; i++) {
                int value = read_byte(&s);

                if (value < 0)
                        return value;
                bytes[3 - i] = (uint8_t)value;
        }
        if (strcmp(s, SUFFIX_V4) != 0)
                return -EINVAL;
        ret->family = AF_INET;
        memcpy(&ret->v4, bytes, sizeof(bytes));
        return 0;
}

static int parse_v6(const char *s, IpAddress *ret)
{
        uint8_t bytes[16] = {};

        for (unsigned i = 0; i < 32; i++) {
                int value = read_nibble(&s);

                if (value < 0)
                        return value;
                bytes[15 - i / 2] |= (uint8_t)(value << (i % 2 * 4));
        }
        if (strcmp(s, SUFFIX_V6) != 0)
                return -EINVAL;
        ret->family = AF_INET6;
        memcpy(&ret->v6, bytes, sizeof(bytes));
        return 0;
}

int dns_reverse_parse(const char *name, IpAddress *ret)
{
        int r = parse_v4(name, ret);

        return r < 0 ? parse_v6(name, ret) : r;
}
