/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Two of dpkg's databases beside each other. */

#include "stack/drift.h"

/* Adds what changes between two texts of /var/lib/dpkg/status to d->packages, by name. */
int layered_packages_compare(const char *before, const char *after, Drift *d, Error *error);
