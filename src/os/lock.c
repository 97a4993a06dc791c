/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock files. */

#include "os/lock.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* Open file description locks, since systemd-nspawn and machined take these, and flock() is blind
 * to them. They belong to the open file as flock() locks do, not to the process. */
static int set_lock(int fd, int type, bool wait)
{
        struct flock lock = { .l_type = (short)type, .l_whence = SEEK_SET };
        int r;

        do
                r = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
        while (r < 0 && errno == EINTR);
        return r;
}

static int take(const char *path, bool exclusive, bool wait, LockFile *ret)
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
                if (set_lock(fd, exclusive ? F_WRLCK : F_RDLCK, wait) < 0)
                        return errno == EACCES ? -EAGAIN : -errno;
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

int lock_file_take(const char *path, bool exclusive, LockFile *ret)
{
        return take(path, exclusive, false, ret);
}

int lock_file_wait(const char *path, bool exclusive, LockFile *ret)
{
        return take(path, exclusive, true, ret);
}

void lock_file_release(LockFile *lock)
{
        if (lock->fd >= 0) {
                /* only an exclusive holder may remove it, or a sharer would lose its lock */
                if (lock->exclusive || set_lock(lock->fd, F_WRLCK, false) >= 0)
                        (void)unlink(lock->path);
                (void)close(lock->fd);
        }
        free(lock->path);
        *lock = LOCK_FILE_NULL;
}
