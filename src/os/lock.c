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

/* Where a lock begins: who has it has all of the file, who is about to remove the file has all but
 * its first byte. */
enum {
        OF_HOLDER = 0,
        OF_REMOVER = 1,
};

#define REMOVAL_TRIES 1000 /* of 1 ms; it is over after one system call of the other process */

/* Open file description locks, since systemd-nspawn and machined take these, and flock() is blind
 * to them. They belong to the open file as flock() locks do, not to the process. */
static int set_lock(int fd, int type, off_t start, bool wait)
{
        struct flock lock = { .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start };
        int r;

        do
                r = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
        while (r < 0 && errno == EINTR);
        return r;
}

/* Whether what is in our way is no holder but one who was the last. */
static bool is_being_removed(int fd, int type)
{
        struct flock lock = { .l_type = (short)type, .l_whence = SEEK_SET };

        return fcntl(fd, F_OFD_GETLK, &lock) >= 0 &&
               (lock.l_type == F_UNLCK || lock.l_start == OF_REMOVER);
}

static int take(const char *path, bool exclusive, bool wait, LockFile *ret)
{
        int type = exclusive ? F_WRLCK : F_RDLCK;

        for (unsigned tries = 0;;) {
                _cleanup_close_ int fd =
                        open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
                _cleanup_free_ char *copy = strdup(path);
                struct stat st;

                if (fd < 0)
                        return -errno;
                if (!copy)
                        return -ENOMEM;
                if (set_lock(fd, type, OF_HOLDER, wait) < 0) {
                        if (errno != EACCES && errno != EAGAIN)
                                return -errno;
                        if (!is_being_removed(fd, type) || ++tries > REMOVAL_TRIES)
                                return -EAGAIN;
                        (void)usleep(1000);
                        continue;
                }
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

bool lock_file_is_held(const char *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        if (fd < 0)
                return errno != ENOENT;
        return fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

void lock_file_release(LockFile *lock)
{
        if (lock->fd >= 0) {
                /* only an exclusive holder may remove it, or a sharer would lose its lock */
                if (lock->exclusive || set_lock(lock->fd, F_WRLCK, OF_REMOVER, false) >= 0)
                        (void)unlink(lock->path);
                (void)close(lock->fd);
        }
        free(lock->path);
        *lock = LOCK_FILE_NULL;
}
