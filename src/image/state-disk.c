/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The backings of a data directory. */

#include "image/state-disk.h"

#include "os/mount.h"

#include <fcntl.h>

void state_disk_close(StateDisk *disk)
{
        closep(&disk->fd);
        closep(&disk->loop_fd);
        *disk = STATE_DISK_NULL;
}

int state_disk_open(int state_fd, const char *path, const char *machine, uint64_t disk_max,
                    bool look_only, StateDisk *ret, Error *error)
{
        StateDisk disk = STATE_DISK_NULL;

        disk.fd = fcntl(state_fd, F_DUPFD_CLOEXEC, 3);
        if (disk.fd < 0)
                return error_errno(error, errno, "Failed to keep a descriptor");
        *ret = disk;
        return 0;
}

int state_disk_mount(const StateDisk *disk, const char *path, Error *error)
{
        int fd = mount_clone(AT_FDCWD, path, false);

        return fd < 0 ? error_errno(error, -fd, "Failed to clone the mount of '%s'", path) : fd;
}
