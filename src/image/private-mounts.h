/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What can only be put together, or looked at, where it is attached: for a moment we have a mount
 * namespace of our own, in which whatever is mounted is seen by nobody else. */

#include "base/error.h"

/* Calls @make in there and returns what it does, a descriptor or a negative errno. The working
 * directory stays. */
int private_mounts_run(int (*make)(const void *argument, Error *error), const void *argument,
                       Error *error);
