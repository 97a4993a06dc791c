/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The root of a machine in a disk image. Its file systems come into this mount namespace alone, and
 * go with it; from then on they are a tree with mounts in it. */

#include "boot/assembly.h"

#include "base/fd.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

int assembly_disk(Assembly *a, Error *error)
{
        int r = a->top_fd = disk_root_mount(a->disk, error);

        if (r >= 0)
                r = assembly_scratch(a, a->top_fd, error);
        if (r >= 0)
                r = disk_root_mount_below(a->disk, a->top_fd, error);
        if (r < 0)
                return r;
        a->tree_fd = path_open(a->top_fd, a->plan->pivot_root_new ?: "", O_PATH | O_DIRECTORY, 0);
        return a->tree_fd < 0 ? error_errno(error, -a->tree_fd, "Failed to open '%s' in '%s'",
                                            a->plan->pivot_root_new ?: "/", a->plan->directory)
                              : 0;
}

static int overlay_of(Assembly *a, DiskRole role, const char *place, int dirfd, Error *error)
{
        _cleanup_close_ int tree = path_open(a->top_fd, place, O_PATH | O_DIRECTORY, 0);
        _cleanup_lowers_ Lowers lowers = { .fds = malloc(sizeof(int)) };
        char upper[32], work[32];
        int r;

        if (!lowers.fds)
                return error_set(error, ENOMEM, "Out of memory");
        if (tree == -ENOENT) /* left out */
                return 0;
        if (tree < 0)
                return error_errno(error, -tree, "Failed to open '%s' in '%s'", place,
                                   a->plan->directory);
        (void)snprintf(upper, sizeof(upper), "upper-%s", disk_role_to_string(role));
        (void)snprintf(work, sizeof(work), "work-%s", disk_role_to_string(role));
        r = lowers.fds[0] = assembly_clone_mapped(a, tree, "", a->tree_map_fd, error);
        if (r < 0)
                return r;
        lowers.n = 1;
        r = assembly_scratch(a, lowers.fds[0], error);
        return r < 0 ? r : assembly_overlay_in(a, &lowers, dirfd, upper, work, error);
}

/* The firmware's partitions have nothing that a machine which is thrown away could want. */
int assembly_disk_overlays(Assembly *a, int dirfd, Error *error)
{
        for (DiskRole i = DISK_USR; i <= DISK_TMP; i++) {
                const char *place = disk_role_place(a->disk, i);
                int r = place && !a->plan->pivot_root_new ? overlay_of(a, i, place, dirfd, error)
                                                          : 0;

                if (r > 0)
                        r = assembly_attach_consume(a, r, place, error);
                if (r < 0)
                        return r;
        }
        return 0;
}
