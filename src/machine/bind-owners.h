/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a bind mount's owners are shown in a machine: from the words of its setting to the user
 * namespace that the kernel shows the mount through. For mounts of a start and for later ones. Must
 * not know how either is mounted. */

#include "config/settings.h"
#include "os/userns.h"

#include <sys/stat.h>

typedef struct BindRange {
        uint32_t base, size; /* the machine's users on the host; size 0: no user namespace */
        int plain_fd;        /* a user namespace with just that range, or -EBADF: made if needed */
} BindRange;

/* One entry of idmap for each gap that entries of a map leave, on either side. */
#define BIND_OWNERS_MAX (3 * BIND_MAP_MAX + 1)

/* The map of one kind of ids: those of @map, and with @others all else of 0 to @range's size one to
 * one. -ERANGE: the machine has not all of the ids. */
int bind_owners_map(const BindMap *map, bool others, const BindRange *range,
                    IdMap ret[static BIND_OWNERS_MAX], unsigned *ret_n);

/* A user namespace for mount_set_idmap(); *ret is -EBADF where the mount stays as it is. @source
 * and @target: owners of what is mounted, and of what it is mounted on, on the host. @error names
 * the setting's destination. */
int bind_owners_open(const MountSetting *m, const BindRange *range, const struct stat *source,
                     const struct stat *target, int *ret, Error *error);
