/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The bytes of a disk image, compressed or not, as a sparse file. */

#include "image/archive.h"

/* Whether a source is a disk image, by its name ("x.raw", "x.img", with ".xz", ".gz", ".zst" or
 * ".bz2" after it) or, where that says nothing, by its first sectors. */
bool disk_is_meant(int fd, const char *name);
/* Whether it has to be unpacked. */
bool disk_is_compressed(int fd);

/* All of @source into the empty file @to_fd, in a worker: as a clone where the file system can
 * share blocks, else with zeros as holes. */
int disk_copy(Worker *worker, const ArchiveSource *source, int to_fd, Error *error);
