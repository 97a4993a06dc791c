/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An overlay file system of directories that are open already. Descriptors as paths: no file name
 * needs escaping, and nobody can swap a component. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the text of a mount option holds before Linux 6.7; from then on 500. */
#define OVERLAY_LOWERS_MAX 50

typedef struct OverlayLayers {
        const int *lowers; /* from the lowest; at least two if there is no upper layer */
        size_t n_lowers;
        int upper, work;     /* on one mount; < 0: read-only */
        bool user_xattr;     /* inside another machine only attributes of its users work */
        uint64_t attributes; /* MOUNT_ATTR_* */
} OverlayLayers;

/* The detached mount. All directories are of attached mounts of our mount namespace. The upper
 * layer keeps nothing that binds it to these lower layers, so that they may be others the next
 * time. -EROFS: there is an upper layer, but the kernel cannot write to it. -E2BIG: too many for
 * this kernel. The working directory must not matter to the caller meanwhile. */
int overlay_new(const OverlayLayers *layers);
