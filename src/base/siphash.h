/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SipHash-2-4, fed piece by piece: the keyed hash behind names and addresses that must stay the
 * same over the years (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). */

#include <stddef.h>
#include <stdint.h>

typedef struct SipHash {
        uint64_t v[4];
        uint64_t word; /* up to seven bytes that wait for the eighth */
        uint64_t size;
} SipHash;

void siphash_init(SipHash *h, const uint8_t key[static 16]);
void siphash_add(SipHash *h, const void *data, size_t size);
/* The hash; @h is used up. */
uint64_t siphash_end(SipHash *h);
