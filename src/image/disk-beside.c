/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hashes, their signatures, and the hash tree of a bare file system, by their endings. */

#include "image/disk-beside.h"

#include "base/fd.h"
#include "base/strv.h"
#include "os/copy-data.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const struct {
        const char *ending, *attribute;
} besides[] = {
        { "roothash", "user.verity.roothash" },
        { "usrhash", "user.verity.usrhash" },
        { "roothash.p7s", NULL },
        { "usrhash.p7s", NULL },
        { "verity", NULL },
};

/* "/x/web." of "/x/web.raw.xz"; 0 where there is no such ending, as of a block device. */
static int stem_length(const char *source)
{
        const char *name = strrchr(source, '/') ?: source, *end = NULL;

        for (const char *p = name; (p = strchr(p, '.')); p++)
                if ((strncmp(p, ".raw", 4) == 0 || strncmp(p, ".img", 4) == 0) &&
                    (p[4] == '\0' || p[4] == '.'))
                        end = p;
        return end ? (int)(end + 1 - source) : 0;
}

static int make_file(const Staging *s, const char *ending, int *ret, Error *error)
{
        int fd = openat(s->fd, ending, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        if (fd < 0)
                return error_errno(error, errno, "Failed to make '%s.%s'", s->name, ending);
        *ret = fd;
        return 0;
}

static int copy_file(const char *path, int from, Staging *s, const char *ending, Error *error)
{
        DataCopier copier = { .watch_fd = -EBADF };
        _cleanup_close_ int to = -EBADF;
        int r = make_file(s, ending, &to, error);

        if (r < 0)
                return r;
        r = copy_data(&copier, from, to);
        data_copier_done(&copier);
        return r < 0 ? error_errno(error, -r, "Failed to copy '%s'", path) : 0;
}

static int copy_attribute(int source_fd, const char *attribute, Staging *s, const char *ending,
                          Error *error)
{
        _cleanup_close_ int to = -EBADF;
        char text[256];
        ssize_t n = attribute ? fgetxattr(source_fd, attribute, text, sizeof(text)) : 0;
        int r;

        if (n <= 0)
                return 0; /* most have none, or none that is a hash */
        r = make_file(s, ending, &to, error);
        if (r < 0)
                return r;
        r = write_all(to, text, (size_t)n);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s.%s'", s->name, ending) : 0;
}

int disk_beside_copy(const char *source, int source_fd, Staging *staging, Error *error)
{
        int n = stem_length(source);

        for (size_t i = 0; i < ELEMENTSOF(besides); i++) {
                _cleanup_free_ char *path = NULL;
                _cleanup_close_ int from = -EBADF;
                struct stat st;
                int r;

                if (asprintf(&path, "%.*s%s", n, source, besides[i].ending) < 0) {
                        path = NULL;
                        return error_set(error, ENOMEM, "Out of memory");
                }
                if (n > 0)
                        from = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
                if (n > 0 && from < 0 && errno != ENOENT)
                        return error_errno(error, errno, "Failed to open '%s'", path);
                if (from >= 0 && fstat(from, &st) >= 0 && S_ISREG(st.st_mode))
                        r = copy_file(path, from, staging, besides[i].ending, error);
                else
                        r = copy_attribute(source_fd, besides[i].attribute, staging,
                                           besides[i].ending, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int disk_beside_publish(Staging *staging, Error *error)
{
        disk_beside_remove(staging->parent, staging->name); /* a dead one's, of no image */
        for (size_t i = 0; i < ELEMENTSOF(besides); i++) {
                _cleanup_free_ char *name = NULL;

                if (asprintf(&name, "%s.%s", staging->name, besides[i].ending) < 0) {
                        name = NULL;
                        return error_set(error, ENOMEM, "Out of memory");
                }
                if (renameat(staging->fd, besides[i].ending, staging->parent_fd, name) < 0 &&
                    errno != ENOENT)
                        return error_errno(error, errno, "Failed to make '%s/%s'", staging->parent,
                                           name);
        }
        return 0;
}

int disk_beside_list(const char *directory, const char *name, char ***paths)
{
        for (size_t i = 0; i < ELEMENTSOF(besides); i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s/%s.%s", directory, name, besides[i].ending) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                if (access(path, F_OK) >= 0 && strv_push(paths, path) < 0)
                        return -ENOMEM;
        }
        return 0;
}

void disk_beside_remove(const char *directory, const char *name)
{
        _cleanup_strv_ char **paths = NULL;

        (void)disk_beside_list(directory, name, &paths); /* what it has found */
        STRV_FOREACH (path, paths)
                (void)unlink(*path);
}
