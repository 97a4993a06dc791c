/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A new machine of layers: its state with the first generation, the stack ready to start on, an
 * identity of its own, and then the definition. */

#include "image/debian.h"
#include "image/worker.h"
#include "store/progress.h"
#include "store/store.h"

typedef struct CreateLayers {
        const char *name;
        char *const *layers;      /* from the lowest */
        const DebianRecipe *base; /* the first one is this; pulled or built if it is not there */
        const char *from; /* or a machine of layers that is copied: definition, versions, state */
        bool from_busy;   /* also while it runs: as after a power cut */
} CreateLayers;

/* On failure there is nothing of it. */
int create_layers(const CreateLayers *request, Progress *progress, Error *error);

/* Whether the store has it; a word that can be none is none. */
bool create_layers_is_layer(const char *word);
