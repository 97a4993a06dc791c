/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole-file reads and writes, and trees of directories. */

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

ssize_t read_fd(int fd, size_t limit, char **ret)
{
        _cleanup_free_ char *data = NULL;
        size_t size = 0, allocated = 0;

        for (;;) {
                ssize_t n;

                if (size + 1 >= allocated) {
                        char *grown;

                        allocated = MAX_OF(allocated * 2, (size_t)4096);
                        grown = realloc(data, allocated);
                        if (!grown)
                                return -ENOMEM;
                        data = grown;
                }
                n = read(fd, data + size, allocated - size - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t)n;
                if (size > limit)
                        return -EFBIG;
        }
        data[size] = '\0';
        *ret = TAKE_PTR(data);
        return (ssize_t)size;
}

ssize_t read_file_at(int dirfd, const char *path, size_t limit, char **ret)
{
        _cleanup_close_ int fd = -EBADF;

        /* O_NONBLOCK: a fifo in a hostile tree must not hold us */
        fd = openat(dirfd, path,
                    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
                            (path[0] == '/' ? 0 : O_NOFOLLOW));
        if (fd < 0)
                return -errno;
        return read_fd(fd, limit, ret);
}

int write_all(int fd, const void *data, size_t size)
{
        const char *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                size -= (size_t)n;
        }
        return 0;
}

int write_file_at(int dirfd, const char *path, const char *text)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);

        if (fd < 0)
                return -errno;
        return write_all(fd, text, strlen(text));
}

static char *parent_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? strndup(path, MAX_OF((size_t)(slash - path), (size_t)1)) : strdup(".");
}

static int sync_parent(int dirfd, const char *path)
{
        _cleanup_free_ char *parent = parent_of(path);
        _cleanup_close_ int fd = -EBADF;

        if (!parent)
                return -ENOMEM;
        fd = openat(dirfd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* A file without a name in the directory of @path: nothing of it is left if we are killed. */
static int open_unnamed(int dirfd, const char *path, mode_t mode)
{
        _cleanup_free_ char *parent = parent_of(path);
        int fd;

        if (!parent)
                return -ENOMEM;
        fd = openat(dirfd, parent, O_WRONLY | O_TMPFILE | O_CLOEXEC, mode);
        return fd < 0 ? -errno : fd;
}

static int give_name(int fd, int dirfd, const char *path)
{
        return linkat(AT_FDCWD, fd_path(fd).path, dirfd, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int write_whole(int fd, const char *text, mode_t mode, bool sync)
{
        int r = write_all(fd, text, strlen(text));

        if (r >= 0 && fchmod(fd, mode) < 0) /* whatever the umask is */
                r = -errno;
        return r >= 0 && sync && fsync(fd) < 0 ? -errno : r;
}

/* The new text under the name *@ret. */
static int write_beside(int dirfd, const char *path, const char *text, mode_t mode, bool sync,
                        char **ret)
{
        _cleanup_free_ char *beside = NULL;
        _cleanup_close_ int fd = -EBADF;
        const char *slash = strrchr(path, '/');
        int prefix = slash ? (int)(slash - path) + 1 : 0;
        bool named;
        int r;

        /* the pid keeps two writers apart; a left-over of a killed one is replaced */
        if (asprintf(&beside, "%.*s.%s.%d.tmp", prefix, path, path + prefix, (int)getpid()) < 0)
                return -ENOMEM;
        if (unlinkat(dirfd, beside, 0) < 0 && errno != ENOENT)
                return -errno;
        /* without a sync the moment is shorter than what this costs */
        fd = sync ? open_unnamed(dirfd, path, mode) : -EOPNOTSUPP;
        named = fd < 0; /* not every file system can */
        if (named)
                fd = openat(dirfd, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                            mode);
        if (fd < 0)
                return -errno;
        r = write_whole(fd, text, mode, sync);
        if (r >= 0 && !named)
                r = give_name(fd, dirfd, beside);
        if (r < 0 && named)
                (void)unlinkat(dirfd, beside, 0); /* the first error is the one to report */
        if (r >= 0)
                *ret = TAKE_PTR(beside);
        return r;
}

static int replace(int dirfd, const char *path, const char *text, mode_t mode, bool sync)
{
        _cleanup_free_ char *beside = NULL;
        int r = write_beside(dirfd, path, text, mode, sync, &beside);

        if (r < 0)
                return r;
        if (renameat(dirfd, beside, dirfd, path) < 0) {
                r = -errno;
                (void)unlinkat(dirfd, beside, 0);
        }
        return r >= 0 && sync ? sync_parent(dirfd, path) : r;
}

int write_file_atomic_at(int dirfd, const char *path, const char *text, mode_t mode)
{
        return replace(dirfd, path, text, mode, false);
}

int write_file_synced_at(int dirfd, const char *path, const char *text, mode_t mode)
{
        return replace(dirfd, path, text, mode, true);
}

int write_file_new_at(int dirfd, const char *path, const char *text, mode_t mode)
{
        _cleanup_close_ int fd = open_unnamed(dirfd, path, mode);
        _cleanup_free_ char *beside = NULL;
        int r;

        if (fd >= 0) {
                r = write_whole(fd, text, mode, true);
                if (r >= 0)
                        r = give_name(fd, dirfd, path);
        } else {
                r = write_beside(dirfd, path, text, mode, true, &beside);
                if (r >= 0 && linkat(dirfd, beside, dirfd, path, 0) < 0)
                        r = -errno;
                if (beside)
                        (void)unlinkat(dirfd, beside, 0);
        }
        return r < 0 ? r : sync_parent(dirfd, path);
}

int mkdir_parents_at(int dirfd, const char *path, mode_t mode)
{
        _cleanup_free_ char *copy = NULL;

        if (mkdirat(dirfd, path, mode) >= 0 || errno == EEXIST)
                return 0;
        if (errno != ENOENT)
                return -errno;

        copy = strdup(path);
        if (!copy)
                return -ENOMEM;
        for (char *p = copy + 1; (p = strchr(p, '/')); *p++ = '/') {
                *p = '\0';
                if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
                        return -errno;
        }
        return mkdirat(dirfd, path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

static int remove_below(int fd_consume, dev_t device)
{
        _cleanup_closedir_ DIR *d = fdopendir(fd_consume);
        int result = 0;

        if (!d) {
                int r = -errno;

                (void)close(fd_consume); /* fdopendir() did not take it */
                return r;
        }
        for (struct dirent *e; (e = readdir(d));) {
                struct stat st;
                int r = 0, child;

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                if (unlinkat(dirfd(d), e->d_name, 0) >= 0 || errno == ENOENT)
                        continue;
                child = openat(dirfd(d), e->d_name,
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (child < 0) {
                        r = -errno;
                } else if (fstat(child, &st) < 0 || st.st_dev != device) {
                        (void)close(child);
                        r = -EXDEV;
                } else {
                        r = remove_below(child, device);
                        if (r >= 0 && unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR) < 0)
                                r = -errno;
                }
                if (r < 0 && result == 0)
                        result = r;
        }
        return result;
}

int remove_tree_at(int dirfd, const char *path)
{
        struct stat st;
        int fd, r;

        if (unlinkat(dirfd, path, 0) >= 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0) {
                r = -errno;
                (void)close(fd);
                return r;
        }
        r = remove_below(fd, st.st_dev);
        if (r < 0)
                return r;
        return unlinkat(dirfd, path, AT_REMOVEDIR) < 0 ? -errno : 0;
}

FdPath fd_path(int fd)
{
        FdPath p;

        (void)snprintf(p.path, sizeof(p.path), "/proc/self/fd/%d", fd);
        return p;
}
