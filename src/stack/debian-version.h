/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Versions of Debian packages: [epoch:]upstream[-revision], see deb-version(7). */

#include <stdbool.h>

/* As strcmp(): negative if @a is older. NULL is older than anything. */
int debian_version_compare(const char *a, const char *b);

/* Whether it looks like an update of a stable release: "+deb12u3", "~deb11u1". Security updates and
 * point releases carry the same mark; nothing in the version tells one from the other. */
bool debian_version_is_stable_update(const char *version);
