/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* dm-verity: a device each block of which the kernel checks against one hash when it is read. By
 * the ioctls of the device mapper. All return negative errno. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERITY_SUPERBLOCK_SIZE 512
#define VERITY_DEVICE_MAX 24
#define VERITY_NAME_PREFIX "stead-" /* of devices; the number of their process and a dash follow \
                                     */

/* What the superblock in front of the hashes says; as veritysetup(8) writes it. */
typedef struct VerityTable {
        uint32_t hash_type, data_block_size, hash_block_size;
        uint64_t data_blocks;
        char algorithm[32];
        char salt[2 * 256 + 1]; /* hexadecimal, or "-" */
} VerityTable;

/* Nothing in there is trusted: @data_size and @hash_size are of the two devices. -EUCLEAN: it is no
 * superblock, or describes what cannot be. */
int verity_parse(const uint8_t superblock[static VERITY_SUPERBLOCK_SIZE], uint64_t data_size,
                 uint64_t hash_size, VerityTable *ret);
/* How many hexadecimal digits a hash of that algorithm has; 0: it is not one that we take. */
size_t verity_hash_length(const char *algorithm);

/* Makes the device and opens it; it goes with its last user, and so do those of processes that were
 * killed at this point. @root_hash: hexadecimal. -ENXIO: this
 * kernel has no device mapper; -EINVAL: the kernel does not take the table, perhaps for want of
 * dm-verity. */
int verity_open(const char *name, const char *data_device, const char *hash_device,
                const VerityTable *table, const char *root_hash,
                char device[static VERITY_DEVICE_MAX]);
/* 1: a block that was read did not fit its hash. */
int verity_is_corrupt(const char *name);
