/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A layer out of something else: a directory, a tar file, a container image. */

#include "image/layer-version.h"
#include "store/progress.h"

typedef struct LayerImport {
        const char *name;   /* of the layer */
        const char *source; /* directory, tar file, "-", oci:DIR[:TAG], oci-archive:FILE[:TAG],
                               docker-archive:FILE[:NAME:TAG], docker://IMAGE */
        char *const *bases; /* the stack that an app layer is for, from the lowest; NULL: a base */
        bool difference;    /* the source holds only what differs from @bases, with whiteouts */
        bool keep_devices;  /* archives and images: make device nodes */
        bool keep_state;    /* also what belongs to one machine: ids, keys, caches */
        bool force;         /* a directory that is in use */
        bool insecure;      /* docker://: a registry without a certificate that is known */
        const char *architecture; /* of an image, in OCI's words; NULL: the host's */
        const char *message;
} LayerImport;

typedef struct LayerImported {
        LayerVersion version;
        ManifestSize size;
        uint64_t n_devices; /* that were left out */
        bool no_init;       /* a base without anything that boots */
} LayerImported;

/* Adds a version to the layer, which is new or not. On failure nothing is left. */
int layer_import(Store *store, const LayerImport *import, Progress *progress, LayerImported *ret,
                 Error *error);
/* Whether a source names a container image, and not a file. */
bool layer_import_is_image(const char *source);
