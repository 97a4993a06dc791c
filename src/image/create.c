/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Staging directory, worker, commit. */

#include "image/create.h"

#include "image/copy.h"
#include "image/identity.h"
#include "image/staging.h"
#include "image/tree-lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

typedef struct Creation {
        const CreateRequest *request;
        int tree_fd;
        const char *path; /* of the staging directory */
} Creation;

static int fill(Worker *worker, void *argument, Error *error)
{
        const Creation *c = argument;
        const CreateRequest *request = c->request;

        switch (request->source) {
        case CREATE_DEBIAN:
                return debian_install(worker, &request->debian, c->path, c->tree_fd, error);
        case CREATE_ARCHIVE:
                return archive_extract(worker, &request->archive, c->tree_fd, error);
        case CREATE_COPY:
                return copy_tree(worker, request->copy_from, c->path, error);
        case _CREATE_SOURCE_MAX:
                break;
        }
        return -EINVAL;
}

int create_tree(const CreateRequest *request, WorkerProgress progress, void *userdata, Error *error)
{
        _cleanup_(tree_lock_release) TreeLock lock = TREE_LOCK_NULL;
        _cleanup_(staging_done) Staging staging = STAGING_NULL;
        _cleanup_free_ char *path = NULL;
        Creation c = { .request = request };
        int r;

        if (request->source == CREATE_COPY && !request->copy_busy) {
                r = tree_lock_take(request->copy_from, false, &lock, error);
                if (r < 0)
                        return r;
        }
        r = staging_new(request->directory, request->name, &staging, error);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s/%s", request->directory, staging.temporary) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        c.tree_fd = staging.fd;
        c.path = path;
        r = worker_run(fill, &c, progress, userdata, error);
        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(error, "df -h %s", request->directory);
        if (r >= 0)
                r = identity_reset(staging.fd, request->name, error);
        if (r < 0)
                return r;
        progress("writing to disk", userdata);
        return staging_commit(&staging, error);
}
