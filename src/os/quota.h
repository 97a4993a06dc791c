/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Project quotas (ext4 with the feature `project` and the option prjquota, xfs with pquota): files
 * carry the number of a project, new ones that of their directory, and what all files of a project
 * hold together is limited. All return negative errno. */

#include <stdbool.h>
#include <stdint.h>

/* Whether the file system of @fd keeps to limits of projects. */
bool quota_is_enforced(int fd);

/* The project of an open file or directory; 0: none. @ret_inherited: or NULL, whether what is made
 * in it gets the same. -ENOTTY, -EOPNOTSUPP: the file system has none. */
int quota_get_project(int fd, uint32_t *ret, bool *ret_inherited);
/* And of all that will be made in it, if it is a directory. -EINVAL outside of the first user
 * namespace. */
int quota_set_project(int fd, uint32_t project);

/* Bytes; 0: no limit. */
int quota_set_limit(int fd, uint32_t project, uint64_t bytes);
int quota_get_usage(int fd, uint32_t project, uint64_t *ret_used, uint64_t *ret_limit);
