/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock files. */

#include "os/lock.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

int lock_file_take(const char *path, bool exclusive, LockFile *ret)
{
        for (;;) {
                _cleanup_close_ int fd =
                        open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
                _cleanup_free_ char *copy = strdup(path);
                struct stat st;

                if (fd < 0)
                        return -errno;
                if (!copy)
                        return -ENOMEM;
                if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0)
                        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
                if (fstat(fd, &st) < 0)
                        return -errno;
                if (st.st_nlink == 0)
                        continue; /* its last holder removed it between our open and our lock */
                *ret = (LockFile){
                        .fd = TAKE_FD(fd),
                        .path = TAKE_PTR(copy),
                        .exclusive = exclusive,
                };
                return 0;
        }
}

void lock_file_release(LockFile *lock)
{
        if (lock->fd >= 0) {
                /* only an exclusive holder may remove it, or a sharer would lose its lock */
                if (lock->exclusive || flock(lock->fd, LOCK_EX | LOCK_NB) >= 0)
                        (void)unlink(lock->path);
                (void)close(lock->fd);
        }
        free(lock->path);
        *lock = LOCK_FILE_NULL;
}
