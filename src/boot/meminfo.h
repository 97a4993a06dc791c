/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The text of /proc/meminfo as a machine with a memory limit shall read it: the host's own lines in
 * the host's order, with the machine's figures in them. Knows nothing of how it gets there. */

#include "base/buffer.h"

#include <stdint.h>

#define MEMORY_NO_LIMIT UINT64_MAX

typedef struct MemoryUse {
        uint64_t limit; /* the least memory.max of the groups above the machine's, or no limit; its
                         * own is not asked, since that one is written by us */
        uint64_t used;  /* sum of what is used there and in the machine: changes with the text */
} MemoryUse;

/* A few reads, to know whether the text has to be made anew. */
MemoryUse memory_use(int payload_fd);

/* Makes the text from @host (the host's) and the files of the machine's control group and of those
 * above it. Without a limit below the host's memory it is the host's text. -EBADMSG: @host is none.
 */
int meminfo_make(const char *host, int payload_fd, Buffer *ret);
