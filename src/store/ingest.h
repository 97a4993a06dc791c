/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A directory into the store. What the store has already is only read and hashed. */

#include "store/progress.h"
#include "store/store.h"

#include <stdbool.h>

typedef struct IngestOptions {
        bool consume; /* the directory is ours to give: its inodes become the objects where they can
                       */
        bool layer;   /* an upper layer of an overlay: char 0:0 is a whiteout, opaque marks count */
        bool keep_state;     /* also what belongs to one machine: see ingest_is_left_out() */
        int64_t clamp_mtime; /* later times become this one; 0: as they are */
        int uid_shift;       /* subtracted from owners, for uppers that hold shifted ids; 0 */
        Progress *progress;  /* or NULL */
} IngestOptions;

/* Stages objects and fills @ret; publishes nothing. Sockets and what is mounted below are left out,
 * as are trusted.overlay.* marks. Fails if a file changes while it is read. */
int ingest_tree(Store *store, int tree_fd, const IngestOptions *options, Manifest *ret,
                Error *error);

/* Paths that never belong into the store: locks, apt's lists and archives, ssh host keys, random
 * seeds, .updated stamps; of a difference (@layer) also ld.so.cache, which is right for one stack
 * only. (The content of /etc/machine-id is emptied by whoever makes a base.) */
bool ingest_is_left_out(const char *path, bool layer);
