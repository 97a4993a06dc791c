/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What whoever runs on a checkout needs of it, which is little: no hashes are computed here. */

#include "store/checkout.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

typedef struct CheckoutPath {
        char path[sizeof("checkouts/") + HASH_TEXT_SIZE];
} CheckoutPath;

static CheckoutPath path_of(const Hash *tree)
{
        CheckoutPath p;
        char text[HASH_TEXT_SIZE];

        (void)snprintf(p.path, sizeof(p.path), "checkouts/%s", hash_to_string(tree, text));
        return p;
}

bool checkout_exists(const Store *store, const Hash *tree)
{
        return store->fd >= 0 &&
               faccessat(store->fd, path_of(tree).path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

/* Whether the name still leads to what is open: who removes a checkout takes the lock, renames it,
 * and removes it then. */
static bool is_still_there(const Store *store, const char *path, int fd)
{
        struct stat ours, named;

        return fstat(fd, &ours) >= 0 &&
               fstatat(store->fd, path, &named, AT_SYMLINK_NOFOLLOW) >= 0 &&
               ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

int checkout_lock(const Store *store, const Hash *tree, int *ret_fd, Error *error)
{
        CheckoutPath p = path_of(tree);

        for (;;) {
                _cleanup_close_ int fd =
                        store->fd < 0 ? -EBADF
                                      : openat(store->fd, p.path,
                                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                if (fd < 0 && (store->fd < 0 || errno == ENOENT))
                        return error_set(error, ENOENT, "There is no checkout '%s/%s'", store->path,
                                         p.path);
                if (fd < 0)
                        return error_errno(error, errno, "Failed to open '%s/%s'", store->path,
                                           p.path);
                while (flock(fd, LOCK_SH) < 0)
                        if (errno != EINTR)
                                return error_errno(error, errno, "Failed to lock '%s/%s'",
                                                   store->path, p.path);
                if (is_still_there(store, p.path, fd)) {
                        *ret_fd = TAKE_FD(fd);
                        return 0;
                }
        }
}
