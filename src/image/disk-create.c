/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Staging directory, worker, a look inside, commit. */

#include "image/disk-create.h"

#include "base/fd.h"
#include "image/disk-beside.h"
#include "image/disk-copy.h"
#include "image/file-format.h"
#include "image/tree-lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE "disk"

typedef struct Creation {
        const ArchiveSource *source;
        int to_fd;
} Creation;

static int fill(Worker *worker, void *argument, Error *error)
{
        const Creation *c = argument;

        return disk_copy(worker, c->source, c->to_fd, error);
}

static int refuse_other_formats(const CreateRequest *request, Error *error)
{
        const ArchiveSource *source = &request->archive;
        const FileFormat *f = file_format_find(source->fd);

        if (!f || f->kind != DISK_REFUSED_FORMAT)
                return 0;
        error_hint(error, "qemu-img convert -O raw %s %s.raw; stead create %s %s.raw", source->name,
                   request->name, request->name, request->name);
        return error_set(error, EMEDIUMTYPE, "'%s' is a %s image, not a raw one", source->name,
                         f->name);
}

/* Before anything is copied, if it can be known then. */
static int check_source(const CreateRequest *request, Error *error)
{
        DiskLayout layout;
        int r = refuse_other_formats(request, error);

        if (r < 0 || disk_is_compressed(request->archive.fd))
                return r;
        return disk_layout_read(request->archive.fd, request->archive.name, &layout, error);
}

int disk_publish(Staging *staging, const char *inside, const char *source, Error *error)
{
        _cleanup_close_ int fd = openat(staging->fd, inside, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        DiskLayout layout;
        int r;

        if (fd < 0)
                return error_errno(error, errno, "Failed to open the new image of '%s'",
                                   staging->name);
        r = disk_layout_read(fd, source, &layout, error);
        if (r >= 0 && fchmod(fd, 0600) < 0) /* passwords and keys of users are in it */
                r = error_errno(error, errno, "Failed to change the mode of '%s'", inside);
        if (r >= 0)
                r = staging_check_free(staging, error);
        if (r >= 0)
                r = disk_beside_publish(staging, error);
        return r < 0 ? r : staging_commit_part(staging, inside, ".raw", error);
}

int disk_create(const CreateRequest *request, WorkerProgress progress, void *userdata, Error *error)
{
        _cleanup_(tree_lock_release) TreeLock lock = TREE_LOCK_NULL;
        _cleanup_(staging_done) Staging staging = STAGING_NULL;
        _cleanup_close_ int fd = -EBADF;
        ArchiveSource source = request->archive;
        Creation c = { .source = &source };
        int r = 0;

        if (request->copy_from && !request->copy_busy)
                r = tree_lock_take(request->copy_from, false, &lock, error);
        if (r >= 0)
                r = check_source(request, error);
        if (r >= 0)
                r = staging_new(request->directory, request->name, &staging, error);
        if (r < 0)
                return r;
        fd = openat(staging.fd, IMAGE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_errno(error, errno, "Failed to make a file in '%s'",
                                   request->directory);
        archive_limit(&source, fd);
        c.to_fd = fd;
        r = disk_beside_copy(request->archive.name, request->archive.fd, &staging, error);
        if (r >= 0)
                r = worker_run(fill, &c, progress, userdata, error);
        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(error, "df -h %s", request->directory);
        if (r < 0)
                return r;
        progress("writing to disk", userdata);
        return disk_publish(&staging, IMAGE, source.name, error);
}
