/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The data directory of a machine of layers: where upper/ and work/ are, and so how much there may
 * be in them (DiskMax=). It is the machine's own directory, with a quota if there is a limit and
 * the file system has quotas, or the root of a file system in its state.img.
 *
 * state-quota.c   the directory's project       state-image.c  the file system in a file
 * state-qgroup.c  the group of a subvolume */

#include "base/error.h"
#include "os/loop.h"

#include <stdbool.h>
#include <stdint.h>

#define STATE_UPPER "upper"
#define STATE_WORK "work"
#define STATE_IMAGE "state.img"
#define STATE_TRY "try" /* a data directory, too */

typedef struct StateDisk {
        int fd;        /* O_RDONLY of the data directory; -EBADF: not to be had by looking only */
        bool detached; /* it is the root of a file system of its own, mounted nowhere */
        int mount_fd;  /* that one, or -EBADF */
        char device[LOOP_DEVICE_MAX];
} StateDisk;

#define STATE_DISK_NULL ((StateDisk){ .fd = -EBADF, .mount_fd = -EBADF })

/* Makes the limit good and opens it. @path is that of @state_fd; @disk_max: of the settings, 0:
 * none was given. A machine that has written already goes on with it, wherever it was. */
int state_disk_open(int state_fd, const char *path, const char *machine, uint64_t disk_max,
                    bool look_only, StateDisk *ret, Error *error);
void state_disk_close(StateDisk *disk);

/* The same directory once more: a detached mount of the mount namespace that we are in. */
int state_disk_mount(const StateDisk *disk, const char *path, Error *error);

/* An overlay makes a directory when it is mounted, for which a full subvolume has no room; without
 * it the overlay is read-only. 1: there is some now, until state_disk_end_room(). */
int state_disk_make_room(const StateDisk *disk, uint64_t *ret_limit);
void state_disk_end_room(const StateDisk *disk, uint64_t limit);

/* Another limit while the machine runs. -EBUSY: only a start can do that. */
int state_disk_change(const char *machine, uint64_t disk_max, Error *error);

/* Parts, for state-*.c only. */

/* A limit for the directory, its number of a project of its own; DISK_MAX_INFINITY: none any more.
 */
int state_quota_set(int state_fd, const char *machine, uint64_t disk_max, Error *error);
/* The same for one that is a subvolume. */
int state_qgroup_set(int state_fd, const char *machine, uint64_t disk_max, Error *error);
int state_disk_refuse(const char *machine, uint64_t used, Error *error);

/* Makes the file with what the directory holds of the machine's data, or brings it to that size. */
int state_image_make(int state_fd, const char *path, const char *machine, uint64_t disk_max,
                     Error *error);
int state_image_resize(int state_fd, const char *path, const char *machine, uint64_t disk_max,
                       Error *error);
int state_image_open(int state_fd, const char *path, StateDisk *ret, Error *error);
/* A detached mount of the device. */
int state_image_mount(const char *device, const char *path, Error *error);
/* One that is mounted. */
int state_image_grow(const char *path, const char *machine, uint64_t disk_max, Error *error);
