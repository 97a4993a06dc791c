/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether the store is what it says: every object its hash, every tree and commit its name, every
 * ref and generation something that is there, every checkout the objects. */

#include "store/progress.h"
#include "store/store.h"

/* One line about one defect; @repaired: it is mended or set aside now. */
typedef void (*FsckFunction)(const char *defect, bool repaired, void *userdata);

/* @repair: damaged objects are removed (a pull or import brings them again), checkouts that hold
 * one or are not complete are removed as well. Returns the number of defects that are left. */
int fsck_run(Store *store, bool repair, Progress *progress, FsckFunction function, void *userdata,
             Error *error);
