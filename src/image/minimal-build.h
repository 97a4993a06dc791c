/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A minimal tree in its place: below /var/lib/machines, or in the store as a base layer. */

#include "base/string-table.h"
#include "image/layer-version.h"
#include "image/minimal.h"
#include "store/progress.h"

/* Looks at the finished tree at @path before anybody else can see it. Above 0: it is not to be
 * kept.
 */
typedef struct MinimalCheck {
        int (*check)(const char *path, void *userdata, Error *error); /* or NULL */
        void *userdata;
} MinimalCheck;

typedef struct MinimalPlace {
        const char *directory, *name; /* must not be there */
} MinimalPlace;

/* directory/name. 1: the check did not want it. */
int minimal_build_tree(const Minimal *m, const MinimalPlace *place, const MinimalCheck *check,
                       Error *error);

typedef enum MinimalImage {
        MINIMAL_SQUASHFS,
        MINIMAL_EROFS,
        _MINIMAL_IMAGE_MAX,
        _MINIMAL_IMAGE_INVALID = -EINVAL,
} MinimalImage;

DECLARE_STRING_TABLE(minimal_image, MinimalImage);

/* directory/name.raw, a compressed file system of nothing but the tree. Equal trees make equal
 * images. *ret_size is that of the file. 1: the check did not want it. */
int minimal_build_image(const Minimal *m, const MinimalPlace *place, MinimalImage type,
                        const MinimalCheck *check, uint64_t *ret_size, Error *error);

typedef struct MinimalLayer {
        const char *name, *message;
        Progress *progress;
        MinimalCheck check;
} MinimalLayer;

/* The next version of the layer. 1: the check did not want it. */
int minimal_build_layer(const Minimal *m, Store *store, const MinimalLayer *layer,
                        LayerVersion *ret, Error *error);
