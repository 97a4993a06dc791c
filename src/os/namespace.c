/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which namespaces differ, and entering them by pidfd. */

#include "os/namespace.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* linux/sched.h; glibc's sched.h lacks it before 2.36 */
#endif

static const struct {
        const char *name;
        int flag;
} kinds[] = {
        { "cgroup", CLONE_NEWCGROUP }, { "ipc", CLONE_NEWIPC }, { "mnt", CLONE_NEWNS },
        { "net", CLONE_NEWNET },       { "pid", CLONE_NEWPID }, { "time", CLONE_NEWTIME },
        { "user", CLONE_NEWUSER },     { "uts", CLONE_NEWUTS },
};

int namespace_difference(pid_t pid, int *ret_flags)
{
        int flags = 0;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                struct stat ours, theirs;
                char path[64];

                (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i].name);
                if (stat(path, &ours) < 0) {
                        if (errno == ENOENT)
                                continue; /* a kernel built without this kind */
                        return -errno;
                }
                (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kinds[i].name);
                if (stat(path, &theirs) < 0)
                        return -errno;
                if (ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino)
                        flags |= kinds[i].flag;
        }
        *ret_flags = flags;
        return 0;
}

int namespace_join(int pid_fd, int flags)
{
        if (flags == 0)
                return 0; /* setns() refuses an empty set */
        return setns(pid_fd, flags) < 0 ? -errno : 0;
}
