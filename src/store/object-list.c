/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/object-list.h"

#include "base/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int names_in(int dirfd_of, const char *directory, bool hidden, NameFunction function,
             void *userdata)
{
        int fd = openat(dirfd_of, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *e;
        int r;

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!d) {
                r = -errno;
                (void)close(fd); /* fdopendir() did not take it */
                return r;
        }
        while ((r = directory_next(d, &e)) > 0) {
                if ((e->d_name[0] == '.') != hidden)
                        continue;
                r = function(fd, e->d_name, e->d_type, userdata);
                if (r < 0)
                        return r;
        }
        return r;
}

ObjectDirectory object_directory(unsigned first)
{
        ObjectDirectory d;

        (void)snprintf(d.path, sizeof(d.path), "objects/%02x", first & 0xff);
        return d;
}

int object_id_of(unsigned first, const char *name, Hash *ret)
{
        char text[HASH_TEXT_SIZE + 1];

        /* one too long is cut to a length that no hash has */
        (void)snprintf(text, sizeof(text), "%02x%s", first & 0xff, name);
        return hash_parse(text, ret);
}
