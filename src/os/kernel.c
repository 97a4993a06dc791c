/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks with arguments that no call accepts, so that nothing happens. */

#include "os/kernel.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
        KernelCall call;
        long number;
        bool mounts;
} calls[] = {
        { { "openat2", "5.6" }, SYS_openat2, false },
        { { "fsopen", "5.2" }, SYS_fsopen, true },
        { { "open_tree", "5.2" }, SYS_open_tree, true },
        { { "move_mount", "5.2" }, SYS_move_mount, true },
        { { "mount_setattr", "5.12" }, SYS_mount_setattr, true },
};

const KernelCall *kernel_missing_call(bool mounts)
{
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
                if ((mounts || !calls[i].mounts) &&
                    syscall(calls[i].number, -1, NULL, NULL, 0, 0) < 0 && errno == ENOSYS)
                        return &calls[i].call;
        return NULL;
}
