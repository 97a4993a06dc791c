/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether the kernel killed processes of the machine for want of memory, and whose want it was. The
 * kernel tells by memory.events of the control group that holds the machine and its limit. */

#include "base/error.h"

#include <stdint.h>

typedef struct OomWatch {
        int unit_fd, payload_fd;            /* the group above the machine's, and the machine's */
        int events_fd;                      /* wait for EPOLLPRI; -EBADF: nothing is told */
        uint64_t own_ooms, any_ooms, kills; /* as read last */
        uint64_t new_own_ooms, new_any_ooms, new_kills; /* not yet told */
} OomWatch;

#define OOM_WATCH_NULL ((OomWatch){ .unit_fd = -EBADF, .payload_fd = -EBADF, .events_fd = -EBADF })

/* From now on; @payload_fd is the machine's control group, or < 0. */
void oom_watch_init(OomWatch *w, int payload_fd);
void oom_watch_done(OomWatch *w);

/* Reads what is new. */
void oom_watch_read(OomWatch *w);
/* A sentence about what was read since the last one, or NULL if there is nothing to tell. The
 * caller frees it. */
char *oom_watch_tell(OomWatch *w, const char *machine);
