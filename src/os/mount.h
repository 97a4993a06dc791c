/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Mounts as descriptors (kernel 5.2+, mount_setattr 5.12+): made detached, changed, then attached
 * once. All return negative errno. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/mount.h>

/* A new file system instance. @options: NULL-terminated "key=value" or "flag" words; @attributes:
 * MOUNT_ATTR_*. Returns the detached mount. */
int mount_new(const char *type, char *const *options, uint64_t attributes);

/* The same from a printf-like comma separated list, "" for none. */
int mount_newf(const char *type, uint64_t attributes, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* A detached copy of the mount at (dirfd, path); path "" is the descriptor itself. @recursive:
 * with all that is mounted below. */
int mount_clone(int dirfd, const char *path, bool recursive);

/* Attaches @mount_fd at the directory or file that (dirfd, path) is; path "" is dirfd itself. */
int mount_attach(int mount_fd, int dirfd, const char *path);

/* Sets and clears MOUNT_ATTR_* bits. */
int mount_set_attributes(int mount_fd, uint64_t set, uint64_t clear, bool recursive);

/* MS_PRIVATE, MS_SLAVE or MS_SHARED. */
int mount_set_propagation(int mount_fd, uint64_t propagation, bool recursive);

/* Shows the detached mount through the map of the user namespace. -EINVAL: the file system cannot;
 * -EPERM: mapped already or no right. */
int mount_set_idmap(int mount_fd, int user_namespace_fd, bool recursive);

/* Attributes all API file systems share. */
#define MOUNT_ATTRIBUTES_API (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
