/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Layers of a store as plain files that a web server can serve, see site.h. */

#include "store/key.h"
#include "store/progress.h"
#include "store/publication.h"
#include "store/store.h"

#define PUBLISH_KEEP_DEFAULT 3 /* versions from which there are deltas to the newest */

typedef struct PublishOptions {
        const Key *key;
        unsigned keep;
        int64_t expires; /* seconds since the epoch; 0: never */
        bool force;      /* also what does not follow from what is published */
        Progress *progress;
} PublishOptions;

typedef struct PublishResult {
        Hash commit;
        uint64_t sequence;
        bool changed; /* the ref moved or was signed anew */
        unsigned n_deltas;
        uint64_t n_contents, n_files; /* new ones */
        uint64_t pack_bytes,
                delta_bytes; /* of what was made now; of the delta from the last version */
} PublishResult;

/* Publishes the version that the ref means now: first everything that is missing, then the ref. */
int publish_ref(Store *store, const Publication *p, const char *name, const PublishOptions *options,
                PublishResult *ret, Error *error);

typedef struct PruneResult {
        uint64_t n_files, bytes;
} PruneResult;

/* Removes what the last @keep versions of no ref need. Reads nothing but the directory. */
int publish_prune(const Publication *p, unsigned keep, PruneResult *ret, Error *error);
