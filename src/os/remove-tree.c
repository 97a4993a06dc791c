/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Removal by descriptors. Where base/fd.h compares devices, this asks the kernel for the mount
 * (openat2 with RESOLVE_NO_XDEV, 5.6+): a machine's tree may well have bind mounts in it. */

#include "os/remove-tree.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int open_directory(int dirfd, const char *name)
{
        struct open_how how = {
                .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
        };
        long fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));

        return fd < 0 ? -errno : (int)fd;
}

static int remove_content(int fd_consume);

static int remove_entry(int dirfd, const char *name)
{
        int fd, r;

        if (unlinkat(dirfd, name, 0) >= 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        r = -errno;
        fd = open_directory(dirfd, name);
        if (fd < 0)
                return fd == -ENOTDIR ? r : fd;
        r = remove_content(fd);
        if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT && r >= 0)
                r = -errno;
        return r;
}

static int remove_content(int fd_consume)
{
        _cleanup_closedir_ DIR *d = fdopendir(fd_consume);
        int result = 0;

        if (!d) {
                int r = -errno;

                (void)close(fd_consume); /* fdopendir() did not take it */
                return r;
        }
        for (struct dirent *e; (e = readdir(d));) {
                int r;

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                r = remove_entry(dirfd(d), e->d_name);
                if (r < 0 && result == 0)
                        result = r;
        }
        return result;
}

int remove_tree_one_mount(int dirfd, const char *name)
{
        return remove_entry(dirfd, name);
}
