/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ".#NAME.creating-XXXXXXXX" and ".#NAME.removing-XXXXXXXX": trees before and after their life. */

#include "image/staging.h"

#include "base/fd.h"
#include "os/mount-table.h"
#include "os/remove-tree.h"
#include "os/subvolume.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif

static int open_parent(const char *parent, int *ret_fd, Error *error)
{
        int fd, r;

        r = mkdir_parents_at(AT_FDCWD, parent, 0700);
        fd = r < 0 ? r : open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_errno(error, r < 0 ? -r : errno, "Failed to open '%s'", parent);
        *ret_fd = fd;
        return 0;
}

static int temporary_name(const char *name, const char *what, char **ret)
{
        uint32_t random;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return -errno;
        if (asprintf(ret, ".#%s.%s-%08x", name, what, random) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* A lock on the directory itself: it goes with the process, and with the directory. */
static int open_locked(int parent_fd, const char *name)
{
        _cleanup_close_ int fd =
                openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        struct stat st, now;

        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EAGAIN : -errno;
        if (fstat(fd, &st) < 0 || fstatat(parent_fd, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return st.st_ino == now.st_ino && st.st_dev == now.st_dev ? TAKE_FD(fd) : -ENOENT;
}

static int remove_staged(int parent_fd, const char *name)
{
        int r = subvolume_remove(parent_fd, name);

        return r < 0 ? remove_tree_one_mount(parent_fd, name) : 0;
}

/* Removes what dead processes left. One that fails stays for the next time: it is in nobody's way.
 */
static void sweep(int parent_fd)
{
        int fd = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);

        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_close_ int lock = -EBADF;

                if (fnmatch(".#*.creating-????????", e->d_name, 0) != 0 &&
                    fnmatch(".#*.removing-????????", e->d_name, 0) != 0)
                        continue;
                lock = open_locked(parent_fd, e->d_name);
                if (lock >= 0)
                        (void)remove_staged(parent_fd, e->d_name);
        }
}

/* A machine is a tree or a disk image, never both. */
int staging_check_free(const Staging *s, Error *error)
{
        _cleanup_free_ char *image = NULL;

        if (asprintf(&image, "%s.raw", s->name) < 0) {
                image = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        if (faccessat(s->parent_fd, s->name, F_OK, AT_SYMLINK_NOFOLLOW) >= 0) {
                error_hint(error, "stead remove %s", s->name);
                return error_set(error, EEXIST, "There is a tree '%s/%s' already", s->parent,
                                 s->name);
        }
        if (faccessat(s->parent_fd, image, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        error_hint(error, "stead remove %s", s->name);
        return error_set(error, EEXIST, "There is a disk image '%s/%s' already", s->parent, image);
}

static int make_plain(int dirfd, const char *name, mode_t mode)
{
        return mkdirat(dirfd, name, mode) < 0 ? -errno : 0;
}

static int make_staging(const char *parent, const char *name,
                        int (*make)(int dirfd, const char *name, mode_t mode), Staging *ret,
                        Error *error)
{
        _cleanup_(staging_done) Staging s = STAGING_NULL;
        int r = open_parent(parent, &s.parent_fd, error);

        if (r < 0)
                return r;
        s.parent = strdup(parent);
        s.name = strdup(name);
        if (!s.parent || !s.name)
                return error_set(error, ENOMEM, "Out of memory");
        r = staging_check_free(&s, error);
        if (r < 0)
                return r;
        sweep(s.parent_fd);
        while (s.fd < 0) {
                free(s.temporary);
                s.temporary = NULL;
                r = temporary_name(name, "creating", &s.temporary);
                if (r < 0)
                        return error_errno(error, -r, "Failed to find a name in '%s'", parent);
                r = make(s.parent_fd, s.temporary, 0755);
                if (r < 0)
                        return error_errno(error, -r, "Failed to create '%s/%s'", parent,
                                           s.temporary);
                /* another sweep may have taken it for a dead one's before we had the lock */
                s.fd = open_locked(s.parent_fd, s.temporary);
                if (s.fd < 0 && s.fd != -ENOENT && s.fd != -EAGAIN)
                        return error_errno(error, -s.fd, "Failed to lock '%s/%s'", parent,
                                           s.temporary);
        }
        if (fchmod(s.fd, 0755) < 0) /* whatever the umask is */
                return error_errno(error, errno, "Failed to create '%s/%s'", parent, s.temporary);
        *ret = s;
        s = STAGING_NULL;
        return 0;
}

int staging_new(const char *parent, const char *name, Staging *ret, Error *error)
{
        return make_staging(parent, name, make_plain, ret, error);
}

int staging_new_state(const char *parent, const char *name, Staging *ret, Error *error)
{
        return make_staging(parent, name, subvolume_make_directory, ret, error);
}

/* @from is below the directory @from_fd. */
static int commit(const Staging *s, int from_fd, const char *from, const char *to, Error *error)
{
        int r = staging_check_free(s, error);

        if (r < 0)
                return r;
        /* the content before the name: after a power cut it is all there or not at all */
        if (syncfs(s->fd) < 0)
                return error_errno(error, errno, "Failed to write '%s/%s' to disk", s->parent, to);
        if (renameat2(from_fd, from, s->parent_fd, to, RENAME_NOREPLACE) < 0)
                return error_errno(error, errno, "Failed to rename '%s/%s' to '%s'", s->parent,
                                   from, to);
        return fsync(s->parent_fd) < 0
                       ? error_errno(error, errno, "Failed to write '%s' to disk", s->parent)
                       : 0;
}

int staging_commit(Staging *s, Error *error)
{
        int r = commit(s, s->parent_fd, s->temporary, s->name, error);

        if (r < 0)
                return r;
        free(s->temporary);
        s->temporary = NULL;
        return 0;
}

int staging_commit_part(Staging *s, const char *inside, const char *suffix, Error *error)
{
        _cleanup_free_ char *name = NULL;

        if (asprintf(&name, "%s%s", s->name, suffix) < 0) {
                name = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        return commit(s, s->fd, inside, name, error);
}

void staging_done(Staging *s)
{
        if (s->temporary && s->parent_fd >= 0)
                (void)remove_staged(s->parent_fd, s->temporary); /* or the next sweep */
        closep(&s->fd);
        closep(&s->parent_fd);
        free(s->parent);
        free(s->name);
        free(s->temporary);
        *s = STAGING_NULL;
}

static int check_mounts(const char *parent, const char *name, Error *error)
{
        _cleanup_free_ char *real = realpath(parent, NULL), *path = NULL, *mount = NULL;
        int r;

        if (asprintf(&path, "%s/%s", real ?: parent, name) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = mount_table_find_below(path, &mount);
        if (r < 0)
                return error_errno(error, -r, "Failed to read the mount table");
        if (r > 0) {
                error_hint(error, "umount %s", mount);
                return error_set(error, EBUSY, "'%s' is not removed: something is mounted on '%s'",
                                 path, mount);
        }
        return 0;
}

int staging_remove(const char *parent, const char *name, Error *error)
{
        _cleanup_close_ int parent_fd = -EBADF, lock = -EBADF;
        _cleanup_free_ char *temporary = NULL;
        int r = open_parent(parent, &parent_fd, error);

        if (r < 0)
                return r;
        if (faccessat(parent_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        r = check_mounts(parent, name, error);
        if (r < 0)
                return r;
        sweep(parent_fd);
        r = temporary_name(name, "removing", &temporary);
        if (r < 0)
                return error_errno(error, -r, "Failed to find a name in '%s'", parent);
        if (renameat2(parent_fd, name, parent_fd, temporary, RENAME_NOREPLACE) < 0)
                return error_errno(error, errno, "Failed to rename '%s/%s'", parent, name);
        lock = open_locked(parent_fd, temporary); /* keeps a sweep away; not worth failing for */
        r = remove_staged(parent_fd, temporary);
        if (r < 0) {
                error_hint(error, "rm -r --one-file-system '%s/%s'", parent, temporary);
                return error_errno(error, -r, "Failed to remove all of '%s/%s'", parent, temporary);
        }
        return 0;
}
