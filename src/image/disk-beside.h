/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What lies beside a disk image and belongs to it: "web.roothash", "web.verity" of "web.raw". A
 * copy without it would start all the same, with nothing checked. */

#include "image/staging.h"

/* Into the staging directory, from beside @source (".raw" or ".img", and what it is packed with). A
 * hash that the file @source_fd has as an attribute becomes a file, which any file system can
 * hold. */
int disk_beside_copy(const char *source, int source_fd, Staging *staging, Error *error);
/* From there to its place; before the image, which means nothing without it. */
int disk_beside_publish(Staging *staging, Error *error);
/* Adds the paths of that of @directory/@name.raw to @paths. -ENOMEM only. */
int disk_beside_list(const char *directory, const char *name, char ***paths);
/* Removes it. */
void disk_beside_remove(const char *directory, const char *name);
