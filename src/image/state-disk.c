/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which backing a data directory has. */

#include "image/state-disk.h"

#include "base/fd.h"
#include "base/parse.h"
#include "config/settings.h"
#include "os/mount.h"
#include "os/quota.h"
#include "os/remove-tree.h"
#include "os/subvolume.h"
#include "stack/stack.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void state_disk_close(StateDisk *disk)
{
        closep(&disk->fd);
        closep(&disk->mount_fd);
        *disk = STATE_DISK_NULL;
}

static bool has_image(int state_fd)
{
        return faccessat(state_fd, STATE_IMAGE, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

static int open_directory(int state_fd, StateDisk *ret, Error *error)
{
        StateDisk disk = STATE_DISK_NULL;

        disk.fd = fcntl(state_fd, F_DUPFD_CLOEXEC, 3);
        if (disk.fd < 0)
                return error_errno(error, errno, "Failed to keep a descriptor");
        *ret = disk;
        return 0;
}

static int open_image(int state_fd, const char *path, const char *machine, uint64_t disk_max,
                      StateDisk *ret, Error *error)
{
        static const char *const moved[] = { STATE_UPPER, STATE_WORK, "saved" };
        int r = disk_max == 0 || disk_max == DISK_MAX_INFINITY
                        ? 0
                        : state_image_resize(state_fd, path, machine, disk_max, error);

        /* copied before the image got its name, and left over if we were killed then */
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(moved); i++) {
                r = remove_tree_one_mount(state_fd, moved[i]);
                if (r < 0)
                        return error_errno(error, -r, "Failed to remove '%s/%s'", path, moved[i]);
        }
        return r < 0 ? r : state_image_open(state_fd, path, ret, error);
}

int state_disk_refuse(const char *machine, uint64_t used, Error *error)
{
        char text[32];

        error_hint(error, "DiskMax=%s  (at least)",
                   size_to_string((used + (1 << 20)) >> 20 << 20, text, sizeof(text)));
        return error_set(error, EBUSY,
                         "Machine '%s' has written %" PRIu64
                         " bytes, which is more than DiskMax= would allow",
                         machine, used);
}

int state_disk_open(int state_fd, const char *path, const char *machine, uint64_t disk_max,
                    bool look_only, StateDisk *ret, Error *error)
{
        int r = 0;

        if (look_only && has_image(state_fd)) {
                *ret = STATE_DISK_NULL;
                ret->detached = true;
                return 0;
        }
        if (look_only)
                return open_directory(state_fd, ret, error);
        if (!has_image(state_fd) && disk_max > 0) {
                if (quota_is_enforced(state_fd))
                        r = state_quota_set(state_fd, machine, disk_max, error);
                else if (subvolume_has_quota(state_fd))
                        r = state_qgroup_set(state_fd, machine, disk_max, error);
                else if (disk_max != DISK_MAX_INFINITY)
                        r = state_image_make(state_fd, path, machine, disk_max, error);
        }
        if (r < 0)
                return r;
        return has_image(state_fd) ? open_image(state_fd, path, machine, disk_max, ret, error)
                                   : open_directory(state_fd, ret, error);
}

int state_disk_mount(const StateDisk *disk, const char *path, Error *error)
{
        int fd;

        if (disk->detached)
                return state_image_mount(disk->device, path, error);
        fd = mount_clone(AT_FDCWD, path, false);
        return fd < 0 ? error_errno(error, -fd, "Failed to clone the mount of '%s'", path) : fd;
}

int state_disk_change(const char *machine, uint64_t disk_max, Error *error)
{
        _cleanup_close_ int state_fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        int r = generation_open_state(machine, false, &state_fd, error);

        if (r < 0)
                return r;
        if (asprintf(&path, "%s/%s", stack_states(), machine) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        if (has_image(state_fd))
                return state_image_grow(path, machine, disk_max, error);
        if (quota_is_enforced(state_fd))
                return state_quota_set(state_fd, machine, disk_max, error);
        if (subvolume_has_quota(state_fd))
                return state_qgroup_set(state_fd, machine, disk_max, error);
        error_hint(error, "stead set --persist %s DiskMax=...; stead restart %s", machine, machine);
        return error_set(error, EBUSY,
                         "The state of machine '%s' becomes a file system of its own by DiskMax=, "
                         "which only a start can do",
                         machine);
}
