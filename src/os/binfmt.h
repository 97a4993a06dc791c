/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel's handlers for programs that it cannot run itself, such as qemu's for those of other
 * architectures. Since Linux 6.7 a user namespace may have its own; one that has none uses those
 * of its parents, and so a machine uses the ones we see. */

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

#define BINFMT_DIRECTORY "/proc/sys/fs/binfmt_misc"
#define BINFMT_HEADER_MAX 256 /* the kernel's BINPRM_BUF_SIZE */

typedef struct BinfmtHandler {
        char *name, *interpreter;
        bool enabled;
        bool fixed; /* flag F: it holds its interpreter open, which then may be anywhere */
} BinfmtHandler;

#define BINFMT_HANDLER_NULL ((BinfmtHandler){ .name = NULL })
#define _cleanup_binfmt_handler_ _cleanup_(binfmt_handler_done)

/* The directory of handlers; mounted or not if we may look at it all the same. -ENODEV: they cannot
 * be seen from here, which is not to say that there are none: a container has those of its host. */
int binfmt_open(void);
/* The handler there for a file that begins with these bytes; of several, the one that works with
 * most trees. -ENOENT: none; -EPERM: all handlers are switched off together. */
int binfmt_find(int directory_fd, const void *header, size_t n, BinfmtHandler *ret);
void binfmt_handler_done(BinfmtHandler *handler);
