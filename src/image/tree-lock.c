/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeping machines and tools off a tree that another one works on. */

#include "image/tree-lock.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define LOCK_DIRECTORY "/run/systemd/nspawn/locks"

void tree_lock_release(TreeLock *lock)
{
        for (size_t i = 0; i < ELEMENTSOF(lock->files); i++)
                lock_file_release(&lock->files[i]);
}

int tree_lock_take(const char *path, bool exclusive, TreeLock *ret, Error *error)
{
        _cleanup_(tree_lock_release) TreeLock lock = TREE_LOCK_NULL;
        _cleanup_free_ char *inode = NULL, *beside = NULL;
        const char *slash = strrchr(path, '/');
        struct stat st;
        int r;

        if (!slash || stat(path, &st) < 0)
                return error_errno(error, slash ? errno : EINVAL, "Failed to lock tree '%s'", path);
        if ((S_ISBLK(st.st_mode)
                     ? asprintf(&inode, LOCK_DIRECTORY "/block-%u:%u", major(st.st_rdev),
                                minor(st.st_rdev))
                     : asprintf(&inode, LOCK_DIRECTORY "/inode-%lu:%lu", (unsigned long)st.st_dev,
                                (unsigned long)st.st_ino)) < 0)
                inode = NULL;
        if (asprintf(&beside, "%.*s/.#%s.lck", (int)(slash - path), path, slash + 1) < 0)
                beside = NULL;
        if (!inode || !beside)
                return error_set(error, ENOMEM, "Out of memory");
        r = mkdir_parents_at(AT_FDCWD, LOCK_DIRECTORY, 0755);
        if (r >= 0)
                r = lock_file_take(inode, exclusive, &lock.files[0]);
        if (r >= 0 && !S_ISBLK(st.st_mode)) /* a device is the host's own */
                r = lock_file_take(beside, exclusive, &lock.files[1]);
        if (r == -EAGAIN) {
                error_hint(error, "stead list; fuser %s", S_ISBLK(st.st_mode) ? inode : beside);
                return error_set(error, EBUSY, "Tree '%s' is in use", path);
        }
        if (r < 0 && r != -EROFS)
                return error_errno(error, -r, "Failed to lock tree '%s'", path);
        *ret = lock;
        lock = TREE_LOCK_NULL;
        return 0;
}
