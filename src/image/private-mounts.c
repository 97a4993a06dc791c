/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/private-mounts.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

int private_mounts_run(int (*make)(const void *argument, Error *error), const void *argument,
                       Error *error)
{
        _cleanup_close_ int home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC),
                            here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int fd;

        if (home < 0 || unshare(CLONE_NEWNS) < 0)
                return error_errno(error, errno, "Failed to make a private mount namespace");
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                fd = error_errno(error, errno, "Failed to make a private mount namespace");
        else
                fd = make(argument, error);
        if (setns(home, CLONE_NEWNS) < 0) {
                closep(&fd);
                return error_errno(error, errno, "Failed to return to the host's mount namespace");
        }
        if (here >= 0)
                (void)fchdir(here); /* "/" will do */
        return fd;
}
