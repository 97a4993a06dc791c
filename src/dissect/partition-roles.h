/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which partition is what, by types, flags and labels alone; must not know what is in them. */

#include "dissect/partition-table.h"
#include "image/disk-layout.h"

typedef struct PartitionRoles {
        const Partition *parts[_DISK_ROLE_MAX]; /* of the table; NULL: none */
        const char *machine;                    /* architecture of root or /usr; NULL: unknown */
} PartitionRoles;

int partition_roles_choose(const PartitionTable *table, PartitionRoles *ret, DiskRefusal *refusal);

/* < 0, 0, > 0 as in strcmp(): numbers inside count by their value, '~' comes before the end. */
int partition_label_compare(const char *a, const char *b);
