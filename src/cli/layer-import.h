/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image/layer-import.h"

/* Says what was imported, and what to know about it. */
void layer_import_report(const char *name, const LayerImported *imported, bool json);
