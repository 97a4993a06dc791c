/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Contents into the stage, hashed as they come. */

#include "store/pull-parts.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void content_writer_done(ContentWriter *w)
{
        closep(&w->fd);
        hasher_free(w->hasher);
        *w = CONTENT_WRITER_NULL;
}

int content_writer_begin(ContentWriter *w, PullJob *job, const Content *content, Error *error)
{
        Hash ignored;

        closep(&w->fd);
        w->fd = -EBADF;
        w->job = job;
        w->content = content;
        w->size = 0;
        w->error = error;
        if (w->hasher)
                hasher_end(w->hasher, &ignored); /* begins anew */
        else
                w->hasher = hasher_new();
        if (!w->hasher)
                return error_set(error, ENOMEM, "Out of memory");
        return store_new_object(job->store, &w->fd, error);
}

int content_writer_add(const void *data, size_t size, void *userdata)
{
        ContentWriter *w = userdata;
        int r;

        if (size > w->content->size - w->size)
                return -EFBIG;
        w->size += size;
        hasher_add(w->hasher, data, size);
        r = write_all(w->fd, data, size);
        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(w->error, "df -h %s; stead layer gc", w->job->store->path);
        return r < 0 ? error_errno(w->error, -r, "Failed to write into the store '%s'",
                                   w->job->store->path)
                     : 0;
}

/* An inode of its own with the same content. */
static int copy_object(ContentWriter *w, int *ret_fd)
{
        _cleanup_close_ int fd = -EBADF;
        loff_t from = 0;
        uint64_t left = w->size;
        int r = store_new_object(w->job->store, &fd, w->error);

        if (r < 0)
                return r;
        while (left > 0) {
                ssize_t n = copy_file_range(w->fd, &from, fd, NULL, left, 0);

                if (n <= 0) /* both are on one file system, so that it can */
                        return error_errno(w->error, n < 0 ? errno : EIO,
                                           "Failed to copy a file of the store");
                left -= (uint64_t)n;
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int stage_all(ContentWriter *w)
{
        Store *store = w->job->store;
        bool used = false;

        for (size_t i = 0; i < w->content->n; i++) {
                const Entry *e = w->content->entries[i];
                _cleanup_close_ int copy = -EBADF;
                Hash id;
                int r = entry_object_id(store->hasher, e, &id);

                if (r < 0)
                        return error_set(w->error, ENOMEM, "Out of memory");
                if (store_has_object(store, &id))
                        continue;
                r = used ? copy_object(w, &copy) : 0;
                if (r >= 0)
                        r = store_stage_object(store, used ? copy : w->fd, e, true, w->error);
                if (r < 0)
                        return r;
                used = true;
        }
        return 0;
}

int content_writer_end(ContentWriter *w)
{
        Hash hash;
        int r;

        hasher_end(w->hasher, &hash);
        if (w->size != w->content->size || !hash_equal(&hash, &w->content->hash))
                return -EBADMSG;
        r = stage_all(w);
        closep(&w->fd);
        w->fd = -EBADF;
        return r;
}
