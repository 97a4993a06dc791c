/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What each directory of a layer holds: bytes as du(1) counts them in a checkout, each directory by
 * itself, so that a file with names in two of them counts in both. */

#include "cli/layer-view.h"
#include "store/manifest.h"

typedef struct LayerSize {
        const char *path;    /* borrowed of the manifest */
        uint64_t bytes, own; /* own: of files that no other layer has */
        uint64_t files;      /* everything but directories */
} LayerSize;

/* Down to @depth levels, in the manifest's order. @layer is the one that the manifest is of, and
 * what the others have is found by @views; NULL: own is not asked for. The caller frees it. */
int layer_sizes(const Store *store, const Manifest *m, uint32_t depth, const LayerViews *views,
                const LayerView *layer, LayerSize **ret, size_t *ret_n, Error *error);
