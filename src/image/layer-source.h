/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a layer is imported from, brought into a directory on the store's file system, except for a
 * directory, which is read where it is. */

#include "image/layer-import.h"
#include "image/layer-work.h"
#include "image/oci.h"
#include "image/tree-lock.h"

typedef struct LayerSource {
        const LayerImport *import;
        LayerWork *work;
        int tree_fd;
        bool ours; /* the tree is in the work's directory */
        TreeLock lock;
        OciImage image; /* n_layers 0: it is none */
} LayerSource;

void layer_source_done(LayerSource *s);
#define _cleanup_layer_source_ _cleanup_(layer_source_done)
int layer_source_open(const LayerImport *import, LayerWork *work, LayerSource *ret, Error *error);
