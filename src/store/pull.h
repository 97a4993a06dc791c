/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A layer from a remote into the store: ref, commit, manifest, then what is missing of it; as a
 * delta, as packs, or file by file. Only the ref's signature is trusted; all that follows is
 * checked against it by hash and bounded by it in size. */

#include "store/progress.h"
#include "store/remote.h"
#include "store/store.h"
#include "store/transfer.h"

typedef struct PullOptions {
        bool force; /* also an older version than we had, an expired one, or another history */
        Progress *progress;
        /* Something worth knowing that is no failure; may be NULL. */
        void (*on_note)(const char *note, void *userdata);
        void *userdata;
} PullOptions;

typedef struct PullResult {
        Hash before, after; /* commits; @before null: it was not here */
        uint64_t sequence;
        bool changed;                 /* the ref moved */
        bool repaired;                /* it did not, but something of it was missing here */
        bool ahead;                   /* the one here has more than the remote's */
        uint64_t n_contents, n_local; /* that came from the remote; that were here already */
        TransferCount count;
} PullResult;

/* The store is open for adding. */
int pull_ref(Store *store, Transfer *transfer, const Remote *remote, const char *name,
             const PullOptions *options, PullResult *ret, Error *error);
/* Names of all layers of a remote; nobody has signed this list, only each layer. */
int pull_list(Transfer *transfer, const Remote *remote, char ***ret, Error *error);
