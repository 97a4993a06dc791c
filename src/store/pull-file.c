/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that hold many contents: got whole, or the rest of it, and used. */

#include "store/pull-parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define DIRECTORY "get"

/* A file of the stage that a broken download is continued in. One process at a time has it. */
typedef struct Download {
        int fd, dirfd;
        char *name;
        bool resumed; /* something was there */
} Download;

#define DOWNLOAD_NULL ((Download){ .fd = -EBADF })
#define _cleanup_download_ _cleanup_(download_done)

static void download_done(Download *d)
{
        closep(&d->fd);
        free(d->name);
        *d = DOWNLOAD_NULL;
}

/* Another pull may get the same; it removes the file when it is done, and so the name has to be
 * looked at again once the lock is ours. */
static int open_locked(int dirfd, const char *name, Download *ret)
{
        for (;;) {
                _cleanup_close_ int fd =
                        openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
                struct stat st;

                if (fd < 0)
                        return -errno;
                while (flock(fd, LOCK_EX) < 0)
                        if (errno != EINTR)
                                return -errno;
                if (fstat(fd, &st) < 0)
                        return -errno;
                if (st.st_nlink > 0) {
                        ret->resumed = st.st_size > 0;
                        ret->fd = TAKE_FD(fd);
                        return 0;
                }
        }
}

static int download_open(const PullJob *job, const char *path, Download *ret, Error *error)
{
        _cleanup_download_ Download d = DOWNLOAD_NULL;
        int r;

        d.dirfd = job->store->stage_fd;
        if (asprintf(&d.name, DIRECTORY "/%s", path) < 0) {
                d.name = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        for (char *c = d.name + sizeof(DIRECTORY); *c; c++)
                if (*c == '/')
                        *c = '=';
        /* in a directory of its own, as objects are: a garbage collection clears these up */
        r = mkdirat(d.dirfd, DIRECTORY, 0700) < 0 && errno != EEXIST ? -errno : 0;
        if (r >= 0)
                r = open_locked(d.dirfd, d.name, &d);
        if (r < 0)
                return error_errno(error, -r, "Failed to open a file in the store '%s'",
                                   job->store->path);
        *ret = d;
        d = DOWNLOAD_NULL;
        return 0;
}

/* It is of no more use. */
static void download_remove(Download *d)
{
        (void)unlinkat(d->dirfd, d->name, 0); /* the stage goes with the boot anyway */
}

static int download_get(const PullJob *job, Download *d, const char *path, uint64_t limit,
                        Error *error)
{
        int r = transfer_get_file(job->transfer, path, limit, d->fd, error);

        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(error, "df -h %s; stead layer gc", job->store->path);
        if (r == -ENOENT || r == -EFBIG || r == -ENOSPC)
                download_remove(d); /* it can only become worse */
        return r;
}

/* Begins anew. */
static int download_empty(Download *d, Error *error)
{
        d->resumed = false;
        return ftruncate(d->fd, 0) < 0 ? error_errno(error, errno, "Failed to empty a file") : 0;
}

/* Returns 1 if it was of another server or time, and is empty now. */
static int get_and_use(PullJob *job, const PulledFile *file, Download *d, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        int r;

        progress_begin(job->options->progress, "Downloading", 0, 0);
        r = download_get(job, d, file->path, file->size_max, &problem);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = file->use(job, d->fd, file->userdata, &problem);
        if (r == -EBADMSG && d->resumed) {
                r = download_empty(d, error);
                return r < 0 ? r : 1;
        }
        if (r == -EBADMSG || r == -EFBIG)
                pull_note(job, "%s cannot be used: %s", file->what, problem.message);
        else if (r < 0)
                return error_move(error, &problem);
        download_remove(d);
        return 0;
}

int pull_by_file(PullJob *job, const PulledFile *file, Error *error)
{
        _cleanup_download_ Download d = DOWNLOAD_NULL;
        int r = download_open(job, file->path, &d, error);

        if (r >= 0)
                r = pull_look_again(job, error);
        if (r >= 0 && job->n_missing == 0) {
                download_remove(&d);
                return 0;
        }
        if (r >= 0)
                do
                        r = get_and_use(job, file, &d, error);
                while (r > 0);
        return r;
}
