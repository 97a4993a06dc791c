/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Fewer versions, or fewer layers. Neither removes anything from the store: what no ref, machine or
 * other layer needs any more goes with the next garbage collection. */

#include "image/layer-version.h"
#include "store/progress.h"

typedef struct LayerSquashed {
        char *name;
        Hash commit;        /* of the newest version */
        size_t n_before;    /* versions or layers that became one */
        size_t n_conflicts; /* files of several layers that could not be merged: the upper one's */
} LayerSquashed;

/* "A..B": the versions of one layer from A to B become one, with the content of B; those after B
 * stay. "A..": up to the newest. B may leave out the name: "web~5..~2". @message: or NULL for B's
 * own. */
int layer_squash_versions(Store *store, const char *range, const char *message, LayerSquashed *ret,
                          Error *error);

/* The stack of these layers, from the lowest, as a layer of its own: a base if the lowest is one,
 * with dpkg's database, users and the like merged as for a machine; else an app for what the lowest
 * was made on. */
int layer_squash_stack(Store *store, const char *name, char *const *layers, const char *message,
                       LayerSquashed *ret, Error *error);
