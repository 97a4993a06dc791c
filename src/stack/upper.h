/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The upper layer of an overlay as a manifest, without its contents: hashes are null until
 * view_hash() is asked for one. */

#include "stack/view.h"

/* Only directories that one of the views has are entered: what is elsewhere hides nothing. Owners
 * are those of the machine (0-based). */
int upper_scan(int fd, const View *const *views, size_t n, Manifest *ret, Error *error);
