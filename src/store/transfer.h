/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Getting files of one server by libcurl: many at a time over few connections, each with a bound on
 * its size that is kept while it comes in. Knows nothing of what is in them. */

#include "base/buffer.h"
#include "base/error.h"
#include "store/progress.h"

#include <stdbool.h>
#include <stdint.h>

#define TRANSFER_PARALLEL 32

typedef struct Transfer Transfer;

/* What one server was asked for so far. */
typedef struct TransferCount {
        uint64_t requests;
        uint64_t bytes; /* of bodies */
} TransferCount;

/* @url: of a Remote. The progress may be NULL. */
int transfer_new(const char *url, Progress *progress, Transfer **ret, Error *error);
Transfer *transfer_free(Transfer *t);
static inline void transfer_freep(Transfer **t)
{
        *t = transfer_free(*t);
}
#define _cleanup_transfer_ _cleanup_(transfer_freep)
TransferCount transfer_count(const Transfer *t);

/* A file into memory. -ENOENT: the server has none (and @error is set); -EFBIG: it is larger than
 * @limit. */
int transfer_get(Transfer *t, const char *path, uint64_t limit, Buffer *ret, Error *error);
/* Into a file from its end on: what is there already was got by an earlier call. If the server
 * cannot continue, the file is emptied and all of it is got. */
int transfer_get_file(Transfer *t, const char *path, uint64_t limit, int fd, Error *error);

/* One of many. */
typedef struct TransferItem {
        char *path;      /* taken and freed */
        uint64_t limit;  /* bytes, with those before @offset */
        uint64_t offset; /* the first byte that is wanted */
        bool alone;      /* its size is that of the stage, for the display */
        /* Negative: stop everything with that and @error set. */
        int (*on_data)(struct TransferItem *item, const void *data, size_t size, Error *error);
        /* It begins again: sets item->offset to where, and that is 0 if @from_start. */
        int (*on_restart)(struct TransferItem *item, bool from_start, Error *error);
        /* All is there. */
        int (*on_end)(struct TransferItem *item, Error *error);
        void (*on_free)(struct TransferItem *item); /* always called, last */
        void *userdata;
} TransferItem;
/* Fills *item with the next one and returns 1, or 0 if there is none left. */
typedef int (*TransferNext)(TransferItem *item, void *userdata, Error *error);

/* Gets all that @next gives, TRANSFER_PARALLEL at a time. */
int transfer_get_all(Transfer *t, TransferNext next, void *userdata, Error *error);
