/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree out of a tar archive, compressed or not, that is not trusted. */

#include "image/worker.h"

#include <stdbool.h>
#include <stdint.h>

/* ".wh.NAME" and ".wh..wh..opq", as layers of container images have them. */
typedef enum ArchiveWhiteouts {
        ARCHIVE_WHITEOUTS_PLAIN,   /* files like others */
        ARCHIVE_WHITEOUTS_OVERLAY, /* become whiteouts and opaque directories of an overlay */
        ARCHIVE_WHITEOUTS_SKIP,    /* were obeyed before */
} ArchiveWhiteouts;

typedef struct ArchiveSource {
        int fd;            /* read from where it stands */
        const char *name;  /* for messages */
        uint64_t size;     /* for the percentage; 0: not known */
        bool keep_devices; /* default: device nodes are left out, a machine's /dev is made at boot
                            */
        ArchiveWhiteouts whiteouts;
        bool part; /* need not be a root file system */
        bool over; /* onto what is there already, in the place of what has the same name */
        uint64_t max_bytes, max_entries; /* of what is unpacked; 0: no limit */
        uint64_t *done;                  /* counts bytes of the archive up, or NULL */
        uint64_t *n_devices;             /* counts those that are left out, or NULL */
} ArchiveSource;

/* Limits by what is free on the file system of @fd: nobody's archive may fill the disk. */
void archive_limit(ArchiveSource *source, int fd);

/* Unpacks into @tree_fd, in a worker: this process changes its root directory to the tree for good,
 * so that no entry, whatever its name or the symlinks before it, can reach anything else. */
int archive_extract(Worker *worker, const ArchiveSource *source, int tree_fd, Error *error);
