/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A minimal tree in its place: below /var/lib/machines, or in the store as a base layer. */

#include "image/layer-version.h"
#include "image/minimal.h"
#include "store/progress.h"

/* @directory/@name, which must not be there. */
int minimal_build_tree(const Minimal *m, const char *directory, const char *name, Error *error);
/* The next version of layer @name. */
int minimal_build_layer(const Minimal *m, Store *store, const char *name, const char *message,
                        Progress *progress, LayerVersion *ret, Error *error);
