/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/hash.h"

#include <errno.h>
#include <string.h>

bool hash_equal(const Hash *a, const Hash *b)
{
        return memcmp(a->bytes, b->bytes, HASH_SIZE) == 0;
}

int hash_compare(const Hash *a, const Hash *b)
{
        return memcmp(a->bytes, b->bytes, HASH_SIZE);
}

bool hash_is_null(const Hash *hash)
{
        return hash_equal(hash, &HASH_NULL);
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -EINVAL;
}

int hash_parse(const char *text, Hash *ret)
{
        Hash hash;

        for (size_t i = 0; i < HASH_SIZE; i++) {
                int high = hex_digit(text[2 * i]);
                int low = high < 0 ? high : hex_digit(text[2 * i + 1]);

                if (low < 0)
                        return -EINVAL;
                hash.bytes[i] = (uint8_t)(high << 4 | low);
        }
        if (text[2 * HASH_SIZE])
                return -EINVAL;
        *ret = hash;
        return 0;
}

const char *hash_to_string(const Hash *hash, char buffer[static HASH_TEXT_SIZE])
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < HASH_SIZE; i++) {
                buffer[2 * i] = digits[hash->bytes[i] >> 4];
                buffer[2 * i + 1] = digits[hash->bytes[i] & 15];
        }
        buffer[2 * HASH_SIZE] = 0;
        return buffer;
}
