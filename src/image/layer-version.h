/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The last step of whatever makes a layer: objects, tree, commit and ref, in this order, so that a
 * power cut or a kill leaves the old version or the new one. */

#include "store/store.h"

typedef struct LayerVersion {
        Hash commit, tree;
        bool unchanged; /* the layer was just that already: nothing was added */
} LayerVersion;

/* Before long work: whether @name may get a new version. -EEXIST: it is another remote's. */
int layer_version_check(Store *store, const char *name, Error *error);

/* Makes @manifest, whose objects are in the store or its stage, the newest version of @name.
 * @commit says kind, bases, labels, message and time (0: now); its tree and parent are set here. */
int layer_version_add(Store *store, const char *name, const Manifest *manifest, Commit *commit,
                      LayerVersion *ret, Error *error);
/* The same for a tree and commits that are there: moves the ref. @before: what it meant (a null
 * hash: it is new). */
int layer_version_move(Store *store, const char *name, const Hash *commit, const Hash *before,
                       Error *error);
