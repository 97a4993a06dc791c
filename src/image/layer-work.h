/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What making a layer needs beside the store: a place for trees in the making on the store's own
 * file system, so that they become objects without a copy, and a worker whose progress is counted.
 */

#include "image/staging.h"
#include "image/worker.h"
#include "store/progress.h"
#include "store/store.h"

typedef struct LayerWork {
        Staging staging; /* empty directory of ours; goes with the work */
        char *path;
        uint64_t *shared;  /* LAYER_WORK_COUNTERS numbers that workers count up */
        Progress progress; /* for what is done in this process; a signal stops it */
        Progress *shown;
} LayerWork;

enum {
        LAYER_WORK_DONE,    /* bytes read */
        LAYER_WORK_DEVICES, /* device nodes that were left out */
        LAYER_WORK_COUNTERS,
};

#define LAYER_WORK_NULL ((LayerWork){ .staging = STAGING_NULL })
#define _cleanup_layer_work_ _cleanup_(layer_work_done)
/* What an earlier one has left that was killed is removed first. @progress may be NULL. The work
 * must stay where it is. */
int layer_work_begin(Store *store, Progress *progress, LayerWork *work, Error *error);
/* Removes all that was not taken. */
void layer_work_done(LayerWork *work);

/* A new directory in it, mode 0755, of 1970. */
int layer_work_directory(const LayerWork *work, const char *name, int *ret_fd, Error *error);
/* worker_run(), with what it tells shown as progress of @total bytes (0: not known). */
int layer_work_run(LayerWork *work, uint64_t total, WorkerFunction function, void *argument,
                   Error *error);
