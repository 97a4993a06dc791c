/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A new Debian tree without what differs from one build to the next, so that the same packages give
 * the same tree. */

#include "base/error.h"

#include <stdint.h>

typedef struct DebianFacts {
        int64_t newest;      /* date of the newest file that a package brought */
        unsigned n_packages; /* that are installed */
} DebianFacts;

/* Logs, caches, host names, ids and keys go; dates in the user database become @newest. @began:
 * when the build did; what is older comes out of packages. Times of files are the caller's affair.
 */
int debian_clean(int tree_fd, int64_t began, DebianFacts *ret, Error *error);
