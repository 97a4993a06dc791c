/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What nothing refers to any more goes: objects, trees, checkouts, dead stages. Commits stay; they
 * are small and are the history. Roots: the last versions of each ref, generations of machines, and
 * checkouts that a machine runs on. */

#include "store/progress.h"
#include "store/store.h"

#define GC_KEEP_DEFAULT 5 /* versions of a ref */

typedef struct GcResult {
        uint64_t n_objects, n_trees, n_checkouts, bytes;
} GcResult;

typedef struct GcRequest {
        unsigned keep;     /* versions of each ref */
        const Hash *roots; /* commits and trees that machines need */
        size_t n_roots;
        bool dry_run;       /* counts only */
        Progress *progress; /* or NULL */
} GcRequest;

int gc_run(Store *store, const GcRequest *request, GcResult *ret, Error *error);
