/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* User namespaces: writing the maps of a new one, and making one for its map alone. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct IdMap {
        uint32_t inside, outside, count;
} IdMap;

/* Writes uid_map and gid_map of a process in a fresh user namespace. */
int userns_write_maps(pid_t pid, const IdMap *uid_maps, unsigned n_uid_maps, const IdMap *gid_maps,
                      unsigned n_gid_maps);

/* Whether we are in the first user namespace of the system. */
bool userns_is_initial(void);

/* A user namespace with these maps and no process in it, as a descriptor for mount_set_idmap().
 * -ENOSPC: the limit user.max_user_namespaces is used up. */
int userns_new(const IdMap *maps, unsigned n_maps);
/* The same with other groups than users. */
int userns_new_split(const IdMap *uid_maps, unsigned n_uid_maps, const IdMap *gid_maps,
                     unsigned n_gid_maps);
