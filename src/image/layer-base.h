/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bases: Debian trees that all machines made of "debian/12" share, built when the first one asks.
 */

#include "image/debian.h"
#include "image/layer-version.h"
#include "store/progress.h"

typedef struct LayerBase {
        DebianRecipe debian; /* suite NULL: not a Debian */
        const char *name;    /* of the layer; NULL: layer_base_name() */
        const char *message; /* or NULL */
        /* Something worth knowing that is no failure; may be NULL. */
        void (*on_note)(const char *note, void *userdata);
        void *userdata;
} LayerBase;

typedef struct LayerBuilt {
        char *name; /* the caller frees it */
        LayerVersion version;
        ManifestSize size;
        unsigned n_packages;
} LayerBuilt;

/* "debian/12/base"; of another init "debian/12/openrc", of another architecture
 * "debian/12/base-arm64". The caller frees it; NULL on out of memory. */
char *layer_base_name(const DebianRecipe *debian);

/* A new version of the base, unless it would be the same as the newest. Of two at a time for one
 * name, the second waits and then builds as well. */
int layer_base_build(Store *store, const LayerBase *base, Progress *progress, LayerBuilt *ret,
                     Error *error);
/* 1: pulled; 0: no remote has it, or none that answers. */
int layer_base_pull(Store *store, const LayerBase *base, const char *name, Progress *progress,
                    Error *error);
/* Its name, after pulling it from the first remote that has it, or building it, if it is not here.
 * Of two at a time, the second waits and takes what the first has got. */
int layer_base_ensure(Store *store, const LayerBase *base, Progress *progress, char **ret_name,
                      Error *error);
