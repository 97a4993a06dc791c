/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What changed between two of dpkg's databases. */

#include "stack/drift.h"

typedef struct PackageChanges {
        PackageChange *items; /* sorted by name */
        size_t n;
} PackageChanges;

#define PACKAGE_CHANGES_NULL ((PackageChanges){})
#define _cleanup_package_changes_ _cleanup_(package_changes_done)
void package_changes_done(PackageChanges *c);

/* Of two texts of /var/lib/dpkg/status; NULL: there is none, which has no packages. Packages that
 * are not installed, or not entirely, do not count. */
int package_changes_find(const char *before, const char *after, PackageChanges *ret);
