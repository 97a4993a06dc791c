/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A data directory as a subvolume of btrfs, which is born in its quota group. What lives in it are
 * plain files to everybody else: only its birth (subvolume_make_directory()), its end (staging.c)
 * and its limit are different. */

#include "image/state-disk.h"

#include "base/cleanup.h"
#include "config/settings.h"
#include "os/subvolume.h"
#include "stack/stack.h"

#include <unistd.h>

/* The kernel sets apart a node of a tree for each item that it may write: for a directory 100 KiB,
 * with nodes of 64 KiB four times that. */
#define ROOM (UINT64_C(16) << 20)

int state_qgroup_set(int state_fd, const char *machine, uint64_t disk_max, Error *error)
{
        uint64_t wanted = disk_max == DISK_MAX_INFINITY ? 0 : disk_max, used, limit;
        int r = subvolume_get_quota(state_fd, &used, &limit);

        if (r >= 0 && limit == wanted)
                return 0;
        if (r >= 0 && wanted > 0) {
                r = syncfs(state_fd) < 0 ? -errno : subvolume_get_quota(state_fd, &used, &limit);
                if (r >= 0 && used > wanted)
                        return state_disk_refuse(machine, used, error);
        }
        if (r >= 0)
                r = subvolume_set_limit(state_fd, wanted);
        if (r >= 0)
                return 0;
        error_hint(error, "btrfs qgroup show -reF %s/%s", stack_states(), machine);
        return error_errno(error, -r, "Failed to set the limit of the subvolume of machine '%s'",
                           machine);
}

int state_disk_make_room(const StateDisk *disk, uint64_t *ret_limit)
{
        uint64_t used, limit;
        int r = disk->fd < 0 ? -EBADF : subvolume_get_quota(disk->fd, &used, &limit);

        if (r < 0 || limit == 0)
                return r < 0 ? r : 0;
        r = syncfs(disk->fd) < 0 ? -errno : subvolume_get_quota(disk->fd, &used, &limit);
        if (r >= 0)
                r = subvolume_set_limit(disk->fd, MAX_OF(used, limit) + ROOM);
        if (r < 0)
                return r;
        *ret_limit = limit;
        return 1;
}

void state_disk_end_room(const StateDisk *disk, uint64_t limit)
{
        (void)subvolume_set_limit(disk->fd, limit); /* or the next start does */
}
