/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A keyed hash of host and machine, made an address. */

#include "network/mac.h"

#include "base/siphash.h"

#include <endian.h>
#include <string.h>

/* systemd's keys (src/nspawn/nspawn-network.c) */
static const uint8_t keys[_MAC_USE_MAX][16] = {
        [MAC_HOST] = { 0x1a, 0x37, 0x6f, 0xc7, 0x46, 0xec, 0x45, 0x0b, 0xad, 0xa3, 0xd5, 0x31, 0x06,
                       0x60, 0x5d, 0xb1 },
        [MAC_MACHINE] = { 0xc3, 0xc4, 0xf9, 0x19, 0xb5, 0x57, 0xb2, 0x1c, 0xe6, 0xcf, 0x14, 0x27,
                          0x03, 0x9c, 0xee, 0xa2 },
        [MAC_EXTRA_HOST] = { 0x48, 0xc7, 0xf6, 0xb7, 0xea, 0x9d, 0x4c, 0x9e, 0xb7, 0x28, 0xd4, 0xde,
                             0x91, 0xd5, 0xbf, 0x66 },
        [MAC_EXTRA_MACHINE] = { 0xaf, 0x50, 0x17, 0x61, 0xce, 0xf9, 0x4d, 0x35, 0x84, 0x0d, 0x2b,
                                0x20, 0x54, 0xbe, 0xce, 0x59 },
        [MAC_MACVLAN] = { 0x00, 0x13, 0x6d, 0xbc, 0x66, 0x83, 0x44, 0x81, 0xbb, 0x0c, 0xf9, 0x51,
                          0x1f, 0x24, 0xa6, 0x6f },
};

MacAddress mac_derive(MacUse use, const Id128 *host, const char *machine, uint64_t index)
{
        MacAddress mac;
        uint64_t number = htole64(index), hash;
        SipHash h;

        siphash_init(&h, keys[use]);
        siphash_add(&h, host->bytes, sizeof(host->bytes));
        siphash_add(&h, machine, strlen(machine));
        if (index > 0) /* the first one is hashed without a number */
                siphash_add(&h, &number, sizeof(number));
        hash = htole64(siphash_end(&h));
        memcpy(mac.bytes, &hash, sizeof(mac.bytes));
        mac.bytes[0] = (uint8_t)((mac.bytes[0] & ~1U) | 2U); /* unicast, locally administered */
        return mac;
}
