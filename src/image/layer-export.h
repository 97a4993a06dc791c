/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A layer as something that other programs read: a directory, a tar file, a container image. All of
 * it is there at the end, under its name, or nothing is. */

#include "image/tar-write.h"

typedef struct LayerExport {
        const char *layer;  /* "NAME", "NAME@VERSION" */
        const char *target; /* FILE.tar[.gz|.xz|.zst], "-", DIRECTORY/, oci:DIRECTORY[:TAG] */
        TarCompression compression; /* of an image's layers */
} LayerExport;

/* -EINVAL with @error set if it is not clear what @target is to be. */
int layer_export(Store *store, const LayerExport *export, Progress *progress, Error *error);
