/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Layers of the store as a container image in OCI's layout. */

#include "image/tar-write.h"

typedef struct OciWrite {
        int directory_fd; /* empty */
        const char *tag;
        TarCompression compression;
        const Commit *commit; /* of the uppermost layer: labels and time */
        const Hash *trees;    /* from the lowest */
        size_t n_trees;
} OciWrite;

int oci_write(const Store *store, const OciWrite *write, Progress *progress, Error *error);
