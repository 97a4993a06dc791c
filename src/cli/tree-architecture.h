/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether this host runs the programs of a machine's tree: what `stead check` says beside the
 * definition, which may be without a fault. */

#include "config/diagnostics.h"
#include "config/settings.h"

/* Of a tree that is there and may be read; nothing is said of others. -ENOMEM. */
int tree_architecture_diagnose(const char *name, const Settings *settings, Diagnostics *d);
