/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A single file is a queue of one. */

#include "store/transfer.h"

#include "base/fd.h"

#include <string.h>

typedef struct Single {
        const char *path; /* NULL: given */
        uint64_t limit;
        Buffer *buffer;
        int fd;
        uint64_t offset;
} Single;

static int on_single_data(TransferItem *item, const void *data, size_t size, Error *error)
{
        Single *s = item->userdata;
        int r;

        if (s->buffer)
                buffer_append(s->buffer, data, size);
        r = s->buffer ? buffer_error(s->buffer) : write_all(s->fd, data, size);
        return r < 0 ? error_errno(error, -r, "Failed to keep what is got of '%s'", item->path) : 0;
}

static int on_single_restart(TransferItem *item, bool from_start, Error *error)
{
        Single *s = item->userdata;
        off_t end;

        if (s->buffer) {
                s->buffer->size = 0;
                return 0;
        }
        if (from_start && ftruncate(s->fd, 0) < 0)
                return error_errno(error, errno, "Failed to empty a file");
        end = lseek(s->fd, 0, SEEK_END);
        if (end < 0)
                return error_errno(error, errno, "Failed to seek");
        item->offset = (uint64_t)end;
        return 0;
}

static int on_single_end(TransferItem *item, Error *error)
{
        return 0;
}

static int next_single(TransferItem *item, void *userdata, Error *error)
{
        Single *s = userdata;

        if (!s->path)
                return 0;
        *item = (TransferItem){ .path = strdup(s->path),
                                .limit = s->limit,
                                .offset = s->offset,
                                .alone = true,
                                .on_data = on_single_data,
                                .on_restart = on_single_restart,
                                .on_end = on_single_end,
                                .userdata = s };
        s->path = NULL;
        return item->path ? 1 : error_set(error, ENOMEM, "Out of memory");
}

int transfer_get(Transfer *t, const char *path, uint64_t limit, Buffer *ret, Error *error)
{
        Single s = { .path = path, .limit = limit, .buffer = ret };

        return transfer_get_all(t, next_single, &s, error);
}

int transfer_get_file(Transfer *t, const char *path, uint64_t limit, int fd, Error *error)
{
        off_t end = lseek(fd, 0, SEEK_END);
        Single s = { .path = path, .limit = limit, .fd = fd, .offset = (uint64_t)end };

        if (end < 0)
                return error_errno(error, errno, "Failed to seek");
        return transfer_get_all(t, next_single, &s, error);
}
