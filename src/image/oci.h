/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A container image in a directory: OCI's layout (index.json, blobs/), or what `docker save` packs
 * (manifest.json). Finds the image that is meant and checks everything but the layers, which are
 * checked when they are read. */

#include "image/oci-json.h"

typedef struct OciLayer {
        char *path;      /* within the directory */
        bool has_digest; /* of the file as it is; else only the next one is known */
        Hash digest;
        uint64_t size;
        Hash content; /* of the tar file that it holds, not compressed */
} OciLayer;

typedef struct OciImage {
        OciConfig config;
        OciLayer *layers; /* from the lowest */
        size_t n_layers;
        Hash id; /* of the manifest, or of Docker's configuration */
} OciImage;

#define OCI_IMAGE_NULL ((OciImage){})
#define _cleanup_oci_image_ _cleanup_(oci_image_done)
void oci_image_done(OciImage *image);

typedef struct OciChoice {
        const char *name;         /* of the directory or archive, for messages */
        const char *tag;          /* or NULL: the only image */
        const char *architecture; /* as OCI calls them, "amd64"; NULL: the host's */
        bool docker;              /* @tag is one of manifest.json, "NAME:TAG" */
} OciChoice;

/* OCI's word for the architecture of the host, or the kernel's if there is none. */
const char *oci_architecture(void);

int oci_open(int directory_fd, const OciChoice *choice, OciImage *ret, Error *error);
