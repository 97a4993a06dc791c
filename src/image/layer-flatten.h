/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manifests as overlays see them: several into one, and one apart from another. */

#include "store/manifest.h"

/* What an overlay of these layers, from the lowest, shows. @whole: as a tree; otherwise as a layer,
 * with the whiteouts that hide what further layers below may have. */
int layer_flatten(const Manifest *const *layers, size_t n, bool whole, Manifest *ret);

/* The layer that makes @tree out of @base. What never belongs into a layer is left out. */
int layer_difference(const Manifest *base, const Manifest *tree, Manifest *ret);
