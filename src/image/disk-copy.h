/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The bytes of a disk image, compressed or not, as a sparse file. */

#include "image/archive.h"

/* Whether a disk image is meant, by the name ("x.raw", "x.img", with ".xz" and the like after it)
 * or, where that says nothing, by the first sectors; also of one that has to be converted before it
 * can be used. A tar file is none, whatever its name is. */
bool disk_is_meant(int fd, const char *name);
/* Whether it has to be unpacked. */
bool disk_is_compressed(int fd);

/* All of @source into the empty file @to_fd, in a worker: as a clone where the file system can
 * share blocks, else with zeros as holes. */
int disk_copy(Worker *worker, const ArchiveSource *source, int to_fd, Error *error);
