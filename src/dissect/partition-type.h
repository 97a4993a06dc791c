/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Types of GPT partitions by the Discoverable Partitions Specification
 * (uapi-group.org/specifications/specs/discoverable_partitions_specification). */

#include "image/disk-layout.h"

#include <stdbool.h>

/* Any Linux file system: what tools make that know no better. */
#define PARTITION_TYPE_LINUX "0fc63daf-8483-4772-8e79-3d69d8477de4"

/* Bits of a partition's attributes. */
#define PARTITION_NO_BLOCK_IO (UINT64_C(1) << 1) /* the firmware is to ignore it (ESP) */
#define PARTITION_GROW (UINT64_C(1) << 59)
#define PARTITION_READ_ONLY (UINT64_C(1) << 60)
#define PARTITION_NO_AUTO (UINT64_C(1) << 63)

typedef struct PartitionType {
        DiskRole role;
        const char *machine; /* architecture, or NULL: of none */
        const char *uuid;    /* lower case */
} PartitionType;

/* NULL: nothing that a machine would have a use for. */
const PartitionType *partition_type_find(const char *uuid);
/* 0: of this program's own CPU, 1: that runs it as well. */
#define PARTITION_FOREIGN 2
unsigned partition_type_rank(const char *machine);
