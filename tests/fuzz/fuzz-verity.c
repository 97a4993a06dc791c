/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The superblock of dm-verity hashes, and 16 bytes with the sizes of data and hashes behind it.
 * What is taken must describe what lies inside of both, in words that are words of a table. */

#include "fuzz.h"

#include "os/verity.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t superblock[VERITY_SUPERBLOCK_SIZE] = {};
        uint64_t sizes[2] = {};
        VerityTable t;

        if (size <= sizeof(sizes))
                return 0;
        memcpy(sizes, data + size - sizeof(sizes), sizeof(sizes));
        size -= sizeof(sizes);
        memcpy(superblock, data, size < sizeof(superblock) ? size : sizeof(superblock));
        if (verity_parse(superblock, sizes[0], sizes[1], &t) < 0)
                return 0;
        if (t.data_blocks * t.data_block_size > sizes[0] || t.hash_block_size > sizes[1] ||
            verity_hash_length(t.algorithm) == 0 || strpbrk(t.salt, " \t\n") || t.salt[0] == '\0')
                abort();
        return 0;
}
