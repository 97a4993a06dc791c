/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Thin wrappers of the descriptor based mount interface. Must not know what is mounted or why. */

#include "os/mount.h"

#include "base/strv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int apply_option(int fs_fd, char *option)
{
        char *equal = strchr(option, '=');
        int r;

        if (!equal)
                return fsconfig(fs_fd, FSCONFIG_SET_FLAG, option, NULL, 0) < 0 ? -errno : 0;
        *equal = '\0';
        r = fsconfig(fs_fd, FSCONFIG_SET_STRING, option, equal + 1, 0) < 0 ? -errno : 0;
        *equal = '=';
        return r;
}

int mount_new(const char *type, char *const *options, uint64_t attributes)
{
        _cleanup_close_ int fs_fd = fsopen(type, FSOPEN_CLOEXEC);
        int fd;

        if (fs_fd < 0)
                return -errno;
        /* the name in mount tables; "none" would tell a reader nothing */
        if (fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", type, 0) < 0)
                return -errno;
        for (; options && *options; options++) {
                int r = apply_option(fs_fd, *options);

                if (r < 0)
                        return r;
        }
        if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned)attributes);
        return fd < 0 ? -errno : fd;
}

int mount_newf(const char *type, uint64_t attributes, const char *format, ...)
{
        _cleanup_strv_ char **options = NULL;
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        if (r < 0) {
                text = NULL;
                return -ENOMEM;
        }
        r = strv_split(text, ",", &options);
        return r < 0 ? r : mount_new(type, options, attributes);
}

int mount_clone(int dirfd, const char *path, bool recursive)
{
        int fd = open_tree(dirfd, path,
                           OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
                                   (unsigned)(path[0] == '\0' ? AT_EMPTY_PATH : 0) |
                                   (recursive ? AT_RECURSIVE : 0U));

        return fd < 0 ? -errno : fd;
}

int mount_attach(int mount_fd, int dirfd, const char *path)
{
        if (move_mount(mount_fd, "", dirfd, path,
                       MOVE_MOUNT_F_EMPTY_PATH | (path[0] == '\0' ? MOVE_MOUNT_T_EMPTY_PATH : 0)) <
            0)
                return -errno;
        return 0;
}

static int set_attr(int mount_fd, struct mount_attr *attr, bool recursive)
{
        if (mount_setattr(mount_fd, "", (unsigned)AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U),
                          attr, sizeof(*attr)) < 0)
                return -errno;
        return 0;
}

int mount_set_attributes(int mount_fd, uint64_t set, uint64_t clear, bool recursive)
{
        return set_attr(mount_fd, &(struct mount_attr){ .attr_set = set, .attr_clr = clear },
                        recursive);
}

int mount_set_propagation(int mount_fd, uint64_t propagation, bool recursive)
{
        return set_attr(mount_fd, &(struct mount_attr){ .propagation = propagation }, recursive);
}

int mount_set_idmap(int mount_fd, int user_namespace_fd, bool recursive)
{
        return set_attr(mount_fd,
                        &(struct mount_attr){ .attr_set = MOUNT_ATTR_IDMAP,
                                              .userns_fd = (uint64_t)user_namespace_fd },
                        recursive);
}
