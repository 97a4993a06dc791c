/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* System calls without which nothing can be done safely: whether the kernel, and a sandbox around
 * us, lets us have them. The floor is Linux 6.1, so that a missing one means a filter. */

#include <stdbool.h>

typedef struct KernelCall {
        const char *name;    /* "openat2" */
        const char *version; /* "5.6" */
} KernelCall;

/* The first call that answers ENOSYS, or NULL. @mounts: those of the descriptor based mounts, too.
 */
const KernelCall *kernel_missing_call(bool mounts);
