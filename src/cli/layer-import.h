/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What `stead layer import` and `stead pull` share. */

#include "cli/progress-display.h"
#include "image/layer-import.h"

/* Imports, and says what came of it. */
int layer_import_run(const LayerImport *import, ProgressDisplay *display, bool json, Error *error);
