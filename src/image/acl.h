/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* POSIX ACLs as the kernel passes them, "system.posix_acl_access" and "..._default": version 2,
 * then entries of tag, permissions and id, all little endian (linux/posix_acl_xattr.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The new number of a user or group. */
typedef uint32_t (*AclMap)(uint32_t id, void *userdata);

bool acl_is_attribute(const char *name);
/* Maps the ids of all entries that have one. 1 if something changed, else 0; -EINVAL: no ACL. */
int acl_map_ids(void *value, size_t size, AclMap map, void *userdata);
