/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Subvolumes of btrfs. Where the file system has quotas on (`btrfs quota enable`, full or simple),
 * each has a quota group of its own, which counts and limits what is in it: 0/ID. All return
 * negative errno. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether @fd is the root of a subvolume that can be limited now. Only to root. */
bool subvolume_has_quota(int fd);

/* mkdirat(), for what is to be limited one day: a subvolume where the file system has quotas on,
 * otherwise a plain directory. -EEXIST. */
int subvolume_make_directory(int dirfd, const char *name, mode_t mode);

/* The group of the subvolume that @fd is the root of. -ENOTTY: it is none. */
int subvolume_get_group(int fd, uint64_t *ret);
/* Takes away that of a subvolume of the same file system as the directory @path, which has been
 * removed and of which nothing is open any more, if the kernel does not do that. May take seconds.
 */
void subvolume_forget_group(const char *path, uint64_t group);

/* Removes a subvolume and all that is in it. Negative: nothing was done, since it is
 * none (-ENOTTY), is read-only (-EROFS), holds another, or we may not; perhaps its files can be
 * removed one by one. */
int subvolume_remove(int dirfd, const char *name);

/* Of the subvolume that @fd is in. Bytes, as of the last syncfs(); limit 0: none. -ENOTTY: no
 * btrfs, -ENOENT: no quotas. */
int subvolume_get_quota(int fd, uint64_t *ret_used, uint64_t *ret_limit);
int subvolume_set_limit(int fd, uint64_t bytes);
