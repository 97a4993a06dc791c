/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One file on its way into the store, for ingest.c. */

#include "store/ingest.h"

typedef struct IngestFile {
        int dirfd;
        const char *name;
        const char *path;      /* within the tree, for messages */
        const struct stat *st; /* before it was read */
        bool consume;
} IngestFile;

/* Owners, mode and times of @st, less the shift, and the attributes of (dirfd, name). */
int ingest_attributes(const IngestFile *f, const IngestOptions *options, Entry *e, Error *error);
/* Content of a regular file; an object for it if the store has none. @e has its attributes. */
int ingest_content(Store *store, const IngestFile *f, Entry *e, Error *error);
/* Target of a link, the same way. */
int ingest_symlink(Store *store, const IngestFile *f, Entry *e, Error *error);
