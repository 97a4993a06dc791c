/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree of the store as a tar file. The same manifest gives the same bytes each time. */

#include "base/string-table.h"
#include "store/progress.h"
#include "store/store.h"

typedef enum TarCompression {
        TAR_PLAIN,
        TAR_GZIP,
        TAR_XZ,
        TAR_ZSTD,
        _TAR_COMPRESSION_MAX,
        _TAR_COMPRESSION_INVALID = -EINVAL,
} TarCompression;
DECLARE_STRING_TABLE(tar_compression, TarCompression);

typedef struct TarTarget {
        int fd;
        const char *name; /* for messages */
        TarCompression compression;
        bool image; /* for other programs as well: what they would take for a whiteout is refused */
} TarTarget;

typedef struct TarWritten {
        Hash content, file; /* before and after compression */
        uint64_t size;      /* of the file */
} TarWritten;

/* Whiteouts and opaque directories become ".wh." files, as in container images; extended
 * attributes, ACLs among them, are pax records "SCHILY.xattr.NAME". */
int tar_write(const Store *store, const Manifest *manifest, const TarTarget *target,
              Progress *progress, TarWritten *ret, Error *error);
