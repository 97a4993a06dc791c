/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What one stretch of an image holds, as libblkid finds it. */

#include "image/disk-refusal.h"

#include <stdint.h>

typedef struct Stretch {
        uint64_t offset, size;
        unsigned number;  /* of the partition, 0: the whole image; for refusals */
        const char *role; /* static; for refusals */
} Stretch;

/* *ret is the type as mount(8) names it, static; "" if nothing is there that could be mounted.
 * Refused are encrypted and ambiguous ones, parts of LVM and RAID, and file systems that are larger
 * than their place. */
int file_system_probe(int image_fd, const Stretch *where, const char **ret, DiskRefusal *refusal);
