/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing into a directory that nobody reads until we are done: nothing has to be replaced. */

#include "generator/output.h"

#include "base/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int make_parent(int dirfd, const char *path)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *parent = slash ? strndup(path, (size_t)(slash - path)) : NULL;

        if (!slash)
                return -ENOENT;
        return parent ? mkdir_parents_at(dirfd, parent, 0755) : -ENOMEM;
}

static int create(int dirfd, const char *path)
{
        int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0644);

        return fd < 0 ? -errno : fd;
}

static int make_link(int dirfd, const char *path, const char *target)
{
        return symlinkat(target, dirfd, path) < 0 && errno != EEXIST ? -errno : 0;
}

int output_write(int dirfd, const char *path, const char *text, Error *error)
{
        _cleanup_close_ int fd = -EBADF;
        int r = make_parent(dirfd, path);

        if (r >= 0 || r == -ENOENT)
                r = fd = create(dirfd, path);
        if (r >= 0)
                r = write_all(fd, text, strlen(text));
        return r < 0 ? error_errno(error, -r, "Failed to write '%s'", path) : 0;
}

int output_link(int dirfd, const char *path, const char *target, Error *error)
{
        int r = make_link(dirfd, path, target);

        if (r == -ENOENT) { /* the first link in this directory */
                r = make_parent(dirfd, path);
                r = r < 0 ? r : make_link(dirfd, path, target);
        }
        return r < 0 ? error_errno(error, -r, "Failed to link '%s' to '%s'", path, target) : 0;
}
