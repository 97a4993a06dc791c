/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A minimal tree in its place: below /var/lib/machines, or in the store as a base layer. */

#include "image/layer-version.h"
#include "image/minimal.h"
#include "store/progress.h"

/* Looks at the finished tree at @path before anybody else can see it. Above 0: it is not to be
 * kept.
 */
typedef struct MinimalCheck {
        int (*check)(const char *path, void *userdata, Error *error); /* or NULL */
        void *userdata;
} MinimalCheck;

/* @directory/@name, which must not be there. 1: the check did not want it. */
int minimal_build_tree(const Minimal *m, const char *directory, const char *name,
                       const MinimalCheck *check, Error *error);

typedef struct MinimalLayer {
        const char *name, *message;
        Progress *progress;
        MinimalCheck check;
} MinimalLayer;

/* The next version of the layer. 1: the check did not want it. */
int minimal_build_layer(const Minimal *m, Store *store, const MinimalLayer *layer,
                        LayerVersion *ret, Error *error);
