/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A machine's limits where its programs look for them:
 *
 *   /proc/meminfo                    a file of ours, rewritten by the supervisor while it is shown
 *   /sys/devices/system/cpu/online   the machine's own cpuset.cpus.effective, which the kernel
 * writes /sys/fs/cgroup/memory.max        the least limit of the groups above, which it cannot see
 *
 * A plain file can be read whatever becomes of the supervisor: no reader ever waits for anybody. It
 * is shown only while there is a limit, from the start or from the moment when one is set. */

#include "base/error.h"
#include "boot/meminfo.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Where the file is in the machine. */
#define LIMITS_VIEW_MEMINFO "/run/host/stead/meminfo"

typedef struct LimitsView {
        int payload_fd; /* the machine's control group; -EBADF: there is no view */
        int place_fd;   /* detached mount through which the file is written */
        int file_fd;    /* the file */
        int mount_fd;   /* detached and read-only, until it is shown; else -EBADF */
        int watch_fd;   /* fanotify of the limits' files; -EBADF: only the clock tells */
        bool shown;
        MemoryUse use; /* when the file was written */
        size_t size;   /* of the file */
} LimitsView;

#define LIMITS_VIEW_NULL                     \
        ((LimitsView){ .payload_fd = -EBADF, \
                       .place_fd = -EBADF,   \
                       .file_fd = -EBADF,    \
                       .mount_fd = -EBADF,   \
                       .watch_fd = -EBADF })

/* Makes the file below @directory_fd, a directory of the machine that is mounted in our mount
 * namespace, and fills it if there is a limit. Without a memory controller there is no view and no
 * error. */
int limits_view_make(LimitsView *v, int payload_fd, int directory_fd, Error *error);
void limits_view_done(LimitsView *v);

/* The supervisor's: looks at limits and use, and brings the file up to date; shows it in the
 * machine of @leader_pid_fd when the first limit came only now. Returns the microseconds until it
 * wants to be called again, USEC_INFINITY for not before v->watch_fd is readable. */
uint64_t limits_view_update(LimitsView *v, int leader_pid_fd);
