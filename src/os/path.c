/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resolving paths inside a root. Must not fall back to anything weaker: without openat2() a hostile
 * tree could lead the host astray, so its absence is an error. */

#include "os/path.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int path_open(int root_fd, const char *path, int flags, mode_t mode)
{
        struct open_how how = {
                .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY)),
                .mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        };
        long fd;

        if (path[0] == '\0')
                path = ".";
        do
                fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
        while (fd < 0 && (errno == EAGAIN || errno == EINTR)); /* a rename raced with us */
        return fd < 0 ? -errno : (int)fd;
}

int path_open_regular(int root_fd, const char *path)
{
        _cleanup_close_ int fd = path_open(root_fd, path, O_PATH, 0);
        struct stat st;
        int opened;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EBADFD;
        opened = open(fd_path(fd).path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return opened < 0 ? -errno : opened;
}

ssize_t path_read(int root_fd, const char *path, size_t limit, char **ret)
{
        _cleanup_close_ int fd = path_open_regular(root_fd, path);

        return fd < 0 ? fd : read_fd(fd, limit, ret);
}

int path_open_parent(int root_fd, const char *path, const char **ret_name)
{
        _cleanup_free_ char *parent = NULL;
        const char *slash = strrchr(path, '/');
        int fd;

        parent = slash ? strndup(path, MAX_OF((size_t)(slash - path), (size_t)1)) : strdup(".");
        if (!parent)
                return -ENOMEM;
        fd = path_open(root_fd, parent, O_PATH | O_DIRECTORY, 0);
        if (fd >= 0)
                *ret_name = slash ? slash + 1 : path;
        return fd;
}

int path_write(int root_fd, const char *path, const char *text, mode_t mode)
{
        const char *name;
        _cleanup_close_ int parent = path_open_parent(root_fd, path, &name);

        return parent < 0 ? parent : write_file_atomic_at(parent, name, text, mode);
}

int path_mkdirs(int root_fd, const char *path, mode_t mode)
{
        _cleanup_free_ char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;
        for (char *p = copy + strspn(copy, "/"); *p;) {
                size_t n = strcspn(p, "/");
                char saved = p[n];
                const char *name;
                int r;

                p[n] = '\0';
                r = path_exists(root_fd, copy);
                if (r == -ENOENT) {
                        _cleanup_close_ int parent = path_open_parent(root_fd, copy, &name);

                        if (parent < 0)
                                return parent;
                        if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
                                return -errno;
                } else if (r < 0) {
                        return r;
                }
                p[n] = saved;
                p += n;
                p += strspn(p, "/");
        }
        return 0;
}

int path_exists(int root_fd, const char *path)
{
        _cleanup_close_ int fd = path_open(root_fd, path, O_PATH, 0);

        return fd < 0 ? fd : 0;
}
