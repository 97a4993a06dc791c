/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What hides must not break: files that several layers change in parts of their own (dpkg's
 * database, users, groups, debconf, alternatives), or that are right for one stack only
 * (ld.so.cache), are made anew when a stack changes. For the layers this is a *generated layer* on
 * top of them; for the machine's state, whose upper layer hides even that, it is a list of edits.
 *
 * Every merge is three-way. For a layer: the stack it was made on, the layer, and what is below it
 * now. For the state: the stack before, the upper layer, the stack after. */

#include "stack/drift.h"
#include "stack/generation.h"
#include "store/store.h"

/* One change of upper/. */
typedef struct StateEdit {
        char *path;  /* absolute, within the machine */
        bool remove; /* take it away: what is below shows through. Otherwise: */
        Entry entry; /* what is to be there; its content is an object of the store, in the stage */
} StateEdit;

typedef struct MergeRequest {
        Store *store;
        const Generation *before;     /* or NULL: there was none */
        const Hash *before_generated; /* tree of the generated layer before, or NULL */
        const Generation *after;
        int upper_fd;   /* what the machine wrote, or -EBADF: nothing yet */
        bool look_only; /* report only: stages nothing, runs nothing */
} MergeRequest;

typedef struct MergeResult {
        Manifest generated; /* empty (n == 0): no such layer is needed; its objects are staged */
        StateEdit *edits;
        size_t n_edits;
        Drift drift;
} MergeResult;

#define MERGE_RESULT_NULL ((MergeResult){})
#define _cleanup_merge_result_ _cleanup_(merge_result_done)
void merge_result_done(MergeResult *r);

int merge_stack(const MergeRequest *request, MergeResult *ret, Error *error);
