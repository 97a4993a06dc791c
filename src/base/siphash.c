/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SipHash-2-4 in the names of its paper: four words of state, two rounds a word, four at the end.
 */

#include "base/siphash.h"

static uint64_t rotate(uint64_t x, unsigned bits)
{
        return x << bits | x >> (64 - bits);
}

static uint64_t load(const uint8_t bytes[static 8])
{
        uint64_t x = 0;

        for (unsigned i = 0; i < 8; i++)
                x |= (uint64_t)bytes[i] << (8 * i);
        return x;
}

static void rounds(uint64_t v[static 4], unsigned n)
{
        while (n-- > 0) {
                v[0] += v[1];
                v[2] += v[3];
                v[1] = rotate(v[1], 13) ^ v[0];
                v[3] = rotate(v[3], 16) ^ v[2];
                v[0] = rotate(v[0], 32);
                v[2] += v[1];
                v[0] += v[3];
                v[1] = rotate(v[1], 17) ^ v[2];
                v[3] = rotate(v[3], 21) ^ v[0];
                v[2] = rotate(v[2], 32);
        }
}

static void compress(SipHash *h, uint64_t word)
{
        h->v[3] ^= word;
        rounds(h->v, 2);
        h->v[0] ^= word;
}

void siphash_init(SipHash *h, const uint8_t key[static 16])
{
        uint64_t k0 = load(key), k1 = load(key + 8);

        /* "somepseudorandomlygeneratedbytes", as the paper has it */
        *h = (SipHash){ .v = {
                                k0 ^ UINT64_C(0x736f6d6570736575),
                                k1 ^ UINT64_C(0x646f72616e646f6d),
                                k0 ^ UINT64_C(0x6c7967656e657261),
                                k1 ^ UINT64_C(0x7465646279746573),
                        } };
}

void siphash_add(SipHash *h, const void *data, size_t size)
{
        const uint8_t *bytes = data;

        for (size_t i = 0; i < size; i++) {
                h->word |= (uint64_t)bytes[i] << (8 * (h->size % 8));
                if (++h->size % 8 != 0)
                        continue;
                compress(h, h->word);
                h->word = 0;
        }
}

uint64_t siphash_end(SipHash *h)
{
        compress(h, h->word | h->size << 56);
        h->v[2] ^= 0xff;
        rounds(h->v, 4);
        return h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
}
