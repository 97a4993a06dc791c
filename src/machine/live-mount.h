/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bind mounts that come and go while a machine runs. They last until the machine ends or is
 * rebooted; what shall last longer belongs into the definition. */

#include "config/settings.h"
#include "machine/machine.h"

/* Shows the setting's source (a path of the host) at its destination in the machine. @make_target:
 * makes a missing mount point. -ENOENT: there is none; -ENOTDIR, -EISDIR: it is of the wrong type.
 */
int live_mount_attach(const Machine *m, const MountSetting *setting, bool make_target,
                      Error *error);

/* Takes away what live_mount_attach() put at @destination; only that: -EPERM for other mounts,
 * -ENOENT where none is. -EBUSY while something uses it, unless @lazy: then it vanishes from the
 * paths at once and is let go by its last user. */
int live_mount_detach(const Machine *m, const char *destination, bool lazy, Error *error);

/* Whether the device policy of the machine's cgroup lets its processes open a device node of the
 * host. 1, 0 or an error. */
int live_mount_device_allowed(const Machine *m, const char *device, bool read_only, Error *error);

typedef struct LiveMount {
        int id; /* STATX_MNT_ID */
        char *source, *destination, *options;
        bool read_only;
} LiveMount;

/* Those that are there now, oldest first. */
int live_mount_list(const Machine *m, LiveMount **ret, size_t *ret_n, Error *error);
void live_mount_list_free(LiveMount *list, size_t n);

/* For live-mount.c: the list on disk, "binds" in the machine's directory, locked for as long as the
 * descriptor is open. */
int live_mount_record_open(const Machine *m, bool write, Error *error);
int live_mount_record_read(int record_fd, const Machine *m, LiveMount **ret, size_t *ret_n,
                           Error *error);
/* Writes @list and, unless it is NULL, @more, without what has the number @without. */
int live_mount_record_write(int record_fd, const Machine *m, const LiveMount *list, size_t n,
                            const LiveMount *more, int without, Error *error);
