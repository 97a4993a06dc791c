/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What publish_ref() is made of. */

#include "store/content-map.h"
#include "store/delta.h"
#include "store/publish.h"

typedef struct PublishVersion {
        Hash commit, tree;
} PublishVersion;

/* One ref on its way out. */
typedef struct PublishJob {
        const Store *store;
        const Publication *site;
        const PublishOptions *options;
        const char *name;
        Manifest manifest;
        Buffer text; /* of the manifest */
        Hash tree;
        ContentList contents;
        PublishVersion *versions; /* the history, the newest first */
        size_t n_versions;
        PublishResult result;
} PublishJob;

/* contents/: each content that is not there yet. */
int publish_contents(PublishJob *job, Error *error);
/* packs/ */
int publish_packs(PublishJob *job, Error *error);
/* trees/OLD-NEW.zst and deltas/OLD-NEW. The old tree is in the store. */
int publish_delta(PublishJob *job, const Hash *old_tree, Error *error);

/* Finds for each content of @items the one of @old that is most like it, by the names of its files;
 * @items[i].target is set. */
int delta_match(const Manifest *old_manifest, const ContentList *old, DeltaItem *items, size_t n);
