/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree out of a tar archive, compressed or not, that is not trusted. */

#include "image/worker.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ArchiveSource {
        int fd;            /* read from where it stands */
        const char *name;  /* for messages */
        uint64_t size;     /* for the percentage; 0: not known */
        bool keep_devices; /* default: device nodes are left out, a machine's /dev is made at boot
                            */
} ArchiveSource;

/* Unpacks into @tree_fd, in a worker: this process changes its root directory to the tree for good,
 * so that no entry, whatever its name or the symlinks before it, can reach anything else. */
int archive_extract(Worker *worker, const ArchiveSource *source, int tree_fd, Error *error);
