/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The data directory of a machine of layers: where upper/ and work/ are, and so how much there may
 * be in them. It is the machine's own directory, or the root of a file system in its state.img. */

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define STATE_UPPER "upper"
#define STATE_WORK "work"
#define STATE_TRY "try" /* a data directory, too */

typedef struct StateDisk {
        int fd;        /* O_RDONLY of the data directory; -EBADF: not to be had by looking only */
        bool detached; /* its root is that of a mount of its own, attached nowhere */
        int loop_fd;   /* the device below it, or -EBADF */
} StateDisk;

#define STATE_DISK_NULL ((StateDisk){ .fd = -EBADF, .loop_fd = -EBADF })

/* Makes the limit good (see DiskMax=) and opens it. @path is that of @state_fd, for messages. */
int state_disk_open(int state_fd, const char *path, const char *machine, uint64_t disk_max,
                    bool look_only, StateDisk *ret, Error *error);
void state_disk_close(StateDisk *disk);

/* The same directory once more: a detached mount of the mount namespace that we are in. */
int state_disk_mount(const StateDisk *disk, const char *path, Error *error);
