/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reading a directory to its end, for whoever must not take an error for that end: what a copy or a
 * garbage collection does not see is lost. */

#include <dirent.h>

/* The next entry other than "." and "..": 1 and *ret, which lasts until the next call; 0 at the
 * end; -errno. */
int directory_next(DIR *d, struct dirent **ret);
