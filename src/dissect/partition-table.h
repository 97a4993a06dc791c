/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The partitions of an image, as libblkid finds them, and whether they can be true. What a
 * partition is for is not decided here. */

#include "image/disk-refusal.h"

#include <stdbool.h>
#include <stdint.h>

/* More than any tool makes (sgdisk: 128), few enough to look at each pair. */
#define PARTITIONS_MAX 256

typedef struct Partition {
        unsigned number;
        uint64_t offset, size; /* bytes; sound: inside the image, no two overlap */
        uint64_t flags;        /* GPT: attributes; MBR: 0x80 is active */
        int dos_type;          /* MBR */
        char type[37];         /* GPT: UUID, lower case */
        char uuid[37];         /* or "" */
        char label[112];       /* GPT, as UTF-8: 36 characters */
} Partition;

typedef struct PartitionTable {
        char kind[8]; /* "gpt", "dos"; "none": there is none */
        Partition parts[PARTITIONS_MAX];
        unsigned n_parts;
} PartitionTable;

/* The image is @size bytes long. */
int partition_table_read(int image_fd, uint64_t size, PartitionTable *ret, DiskRefusal *refusal);
